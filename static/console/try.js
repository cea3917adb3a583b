// Photographs for *Try it*: chosen, dropped, pasted or taken, each sent by itself, each with its answer. Without this
// script the same forms are sent as a whole.
import { filesOf, showNames, watch, watchPaste } from "./files.js";
import { copyOf, send, shown } from "./requests.js";

const AT_ONCE = 2;
const answers = document.getElementById("answers");
const files = new WeakMap(); // of answers: what they are about

// ---- one file after the other
const waiting = [];
let running = 0;

const next = () => {
  while (running < AT_ONCE && waiting.length) {
    running += 1;
    waiting.shift()().finally(() => {
      running -= 1;
      next();
    });
  }
};

const fieldsOf = (form) => {
  const body = new FormData();
  for (const name of ["csrfmiddlewaretoken", "for_client"]) body.append(name, form.elements[name].value);
  return body;
};

const place = (name) => {
  const card = copyOf("pending").firstElementChild;
  card.querySelector(".name").textContent = name;
  answers.prepend(card);
  card.scrollIntoView({ block: "nearest" });
  return card;
};

const progressOf = (card) => (share) => {
  card.querySelector("progress").value = share;
  if (share < 100) return;
  card.querySelector("progress").removeAttribute("value");
  card.querySelector("[data-stage=sending]").hidden = true;
  card.querySelector("[data-stage=looking]").hidden = false;
};

// Send `body`, show what comes back in place of `card`, and keep a way to try again.
const ask = async (form, body, card, file) => {
  const again = () => {
    const fresh = copyOf("pending").firstElementChild;
    fresh.querySelector(".name").textContent = card.querySelector(".name")?.textContent || "";
    for (const name of ["csrfmiddlewaretoken", "for_client"]) body.set(name, form.elements[name].value);
    failed.replaceWith(fresh);
    waiting.push(() => ask(form, body, fresh, file));
    next();
  };
  let failed = card;
  const answer = await send(form.action, body, progressOf(card));
  const part = shown(answer);
  if (answer.status === 200) {
    const article = part.querySelector("article");
    card.replaceWith(part);
    adopt(article, file);
    if (!article.querySelector("[data-temporary]")) return;
    failed = article;
  } else {
    card.querySelectorAll("progress, [data-stage]").forEach((node) => node.remove());
    card.append(part);
  }
  failed.append(copyOf("again"));
  failed.querySelector("[data-again]").onclick = again;
  failed.querySelector("[data-remove]").onclick = () => failed.remove();
};

// An answer that has just come: its forms get the photograph that was not stored.
const adopt = (article, file) => {
  window.htmx?.process(article);
  article.querySelectorAll("[data-copy]").forEach((button) => (button.hidden = false));
  if (!file) return;
  files.set(article, file);
  article.querySelectorAll("form[data-keep] [type=file]").forEach((input) => {
    input.files = filesOf([file]);
    input.closest("label").hidden = true;
  });
};

export const each = (form) => (list) => {
  for (const file of list) {
    const body = fieldsOf(form);
    body.append("image", file);
    const card = place(file.name);
    waiting.push(() => ask(form, body, card, file));
  }
  form.reset();
  next();
};

for (const form of document.querySelectorAll("form[data-each]")) {
  const take = each(form);
  watch(form, form.querySelector("[data-drop]"), take);
  form.querySelector("[data-submit]").hidden = true;
  form.addEventListener("submit", (event) => event.preventDefault());
  watchPaste(take);
}

for (const form of document.querySelectorAll("form[data-once]")) {
  for (const zone of form.querySelectorAll("[data-drop]")) {
    watch(form, zone, (list, input) => {
      const kept = input.multiple ? list : list.slice(0, 1);
      input.files = filesOf(kept);
      showNames(zone, kept);
    });
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const body = new FormData(form);
    const card = place(body.get("image").name);
    waiting.push(() => ask(form, body, card, null));
    next();
  });
}

// ---- below the answers
document.querySelectorAll("[data-copy]").forEach((button) => (button.hidden = false));
document.addEventListener("click", async ({ target }) => {
  const button = target.closest?.("[data-copy]");
  if (!button) return;
  const code = button.parentElement.querySelector("code");
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "✓";
  } catch {
    getSelection().selectAllChildren(code); // pages without HTTPS have no clipboard
  }
});

// htmx leaves the page as it is when a form is refused; the reason belongs beside the form.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.xhr.status < 400) return;
  const form = detail.requestConfig?.elt;
  if (!form?.matches("[data-keep]")) return;
  form.querySelectorAll(".problem").forEach((node) => node.remove());
  form.prepend(shown({ status: detail.xhr.status, text: detail.xhr.responseText, problem: detail.xhr.getResponseHeader("X-Problem") }));
});
document.addEventListener("htmx:sendError", ({ detail }) => {
  if (detail.elt.matches("[data-keep]")) detail.elt.prepend(copyOf("lost"));
});
