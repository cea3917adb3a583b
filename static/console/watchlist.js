// Photographs of an entry: chosen, dropped, pasted or taken, each looked at as soon as it is there, while the form is
// filled in. What was found is kept by the service, so that saving takes no time. Without this script the same form
// sends the files as a whole.
import { watch, watchPaste } from "./files.js";
import { copyOf, send, shown } from "./requests.js";

const AT_ONCE = 2;

const follow = (form) => {
  const cards = form.querySelector("[data-cards]");
  const zone = form.querySelector("[data-drop]");
  const input = zone.querySelector("input");
  const wait = form.querySelector("[data-wait]");
  const waiting = [];
  let running = 0;

  const fields = () => {
    const body = new FormData();
    for (const name of ["csrfmiddlewaretoken", "for_client"]) body.append(name, form.elements[name].value);
    return body;
  };

  const next = () => {
    while (running < AT_ONCE && waiting.length) {
      running += 1;
      waiting.shift()().finally(() => {
        running -= 1;
        if (!running && !waiting.length) {
          wait.hidden = true;
          refresh();
        }
        next();
      });
    }
  };

  // What is said of a photograph depends on the others.
  const refresh = async () => {
    try {
      const answer = await fetch(form.dataset.cardsUrl, { headers: { "HX-Request": "true" } });
      if (!answer.ok) return;
      const fresh = shown({ status: 200, text: await answer.text(), problem: "" });
      for (const card of [...fresh.querySelectorAll("[data-card]")]) {
        const old = document.getElementById(card.id);
        if (old && !old.contains(document.activeElement)) old.replaceWith(card);
      }
    } catch {
      // they stay as they were
    }
  };

  const fail = (item, answer, again) => {
    item.querySelectorAll("progress, [data-stage], .problem, .actions").forEach((node) => node.remove());
    item.firstElementChild.append(shown(answer), copyOf("again"));
    item.querySelector("[data-again]").onclick = again;
    item.querySelector("[data-again]").hidden = answer.status === 400; // the same file would be refused again
    item.querySelector("[data-remove]").onclick = () => item.remove();
  };

  const look = async (file, item) => {
    item.replaceChildren(copyOf("pending"));
    item.querySelector(".name").textContent = file.name;
    const body = fields();
    body.append("image", file);
    const answer = await send(form.dataset.check, body, (share) => {
      item.querySelector("progress").value = share;
      if (share < 100) return;
      item.querySelector("progress").removeAttribute("value");
      item.querySelector("[data-stage=sending]").hidden = true;
      item.querySelector("[data-stage=looking]").hidden = false;
    });
    if (answer.status === 200) item.replaceWith(shown(answer));
    else fail(item, answer, () => enqueue(file, item));
  };

  const enqueue = (file, item) => {
    waiting.push(() => look(file, item));
    next();
  };

  const take = (files) => {
    for (const file of files) {
      const item = document.createElement("li");
      item.className = "card photo";
      item.append(copyOf("pending"));
      item.querySelector(".name").textContent = file.name;
      cards.append(item);
      enqueue(file, item);
    }
    input.value = "";
  };

  watch(form, zone, take);
  watchPaste(take);

  // ---- cards
  const tell = (card, answer) => {
    card.querySelectorAll(".problem").forEach((node) => node.remove());
    card.querySelector(".about").append(shown(answer));
  };

  cards.addEventListener("change", async ({ target }) => {
    if (!target.dataset.choose) return;
    const card = target.closest("[data-card]");
    const body = fields();
    body.append("face", target.value);
    const answer = await send(target.dataset.choose, body);
    if (answer.status !== 200) return tell(card, answer);
    const fresh = shown(answer).firstElementChild;
    card.replaceWith(fresh);
    fresh.querySelector("input:checked")?.focus();
  });

  cards.addEventListener("click", async (event) => {
    const mark = event.target.closest(".mark");
    const card = event.target.closest("[data-card]");
    if (mark && card) card.querySelectorAll("[data-choose]")[[...mark.parentElement.querySelectorAll(".mark")].indexOf(mark)]?.click();
    const button = event.target.closest("[data-forget]");
    if (!button) return;
    event.preventDefault();
    const answer = await send(button.dataset.forget, fields());
    if (answer.status !== 200 && answer.status !== 409) return tell(card, answer);
    card.remove();
    input.focus();
    refresh();
  });

  form.addEventListener("submit", (event) => {
    if (!running && !waiting.length) {
      setTimeout(() => form.querySelectorAll("button").forEach((button) => (button.disabled = true))); // sent once
      return;
    }
    event.preventDefault(); // a photograph that is still on its way would be left out
    wait.hidden = false;
    wait.scrollIntoView({ block: "nearest" });
  });
};

document.querySelectorAll("form[data-photographs]").forEach(follow);
addEventListener("pageshow", () => {
  document.querySelectorAll("form[data-photographs] button").forEach((button) => (button.disabled = false));
});
