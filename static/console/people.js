// Photographs of a person. On the page of somebody new the fields go first; then each photograph is sent by itself, as on
// the page of a person, where `try.js` does it alone.
import { each } from "./try.js";
import { filesOf, showNames, watch, watchPaste } from "./files.js";
import { send, shown } from "./requests.js";

const answers = document.getElementById("answers");

for (const form of document.querySelectorAll("form[data-first]")) {
  const zone = form.querySelector("[data-drop]");
  const input = zone.querySelector("input");
  let files = [];
  const take = (list) => {
    files = [...files, ...list];
    input.files = filesOf(files);
    showNames(zone, files);
  };
  watch(form, zone, take);
  watchPaste(take);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("[data-submit]");
    const body = new FormData(form);
    body.delete("image");
    button.disabled = true;
    const answer = await send(form.action, body);
    const part = shown(answer);
    const made = part.querySelector("[data-made]");
    if (answer.status !== 200 || !made) {
      answers.replaceChildren(part);
      button.disabled = false;
      answers.scrollIntoView({ block: "nearest" });
      return;
    }
    if (!files.length) return location.assign(made.querySelector("a").href);
    answers.replaceChildren();
    form.hidden = true;
    form.before(part);
    form.action = made.dataset.made;
    each(form)(files);
  });
}

// What was added is among the photographs when the page is opened again.
const renew = document.querySelector("[data-renew]");
if (renew) new MutationObserver(() => (renew.hidden = !answers.querySelector(".face.good, .face.careful"))).observe(answers, { childList: true, subtree: true });
