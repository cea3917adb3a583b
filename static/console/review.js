// Keys for the buttons and links that name one, the ten seconds in which a verdict can be taken back, and a zoom that
// shows the same part of both faces. The pages work without.
const UNDO = 10_000; // milliseconds
const SWITCH = "review-keys"; // in the browser's memory

const keys = document.querySelector("[data-keys]");
const areOn = () => localStorage.getItem(SWITCH) !== "off";
if (keys) {
  keys.closest("label").hidden = false;
  keys.checked = areOn();
  keys.addEventListener("change", () => localStorage.setItem(SWITCH, keys.checked ? "on" : "off"));
}

let isSent = false; // one verdict for each page
document.addEventListener("submit", (event) => {
  if (isSent) event.preventDefault();
  isSent = true;
});
window.addEventListener("pageshow", () => { isSent = false; });

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest("input:not([type=range], [type=checkbox]), textarea, select");
  if (isTyping && event.key === "Escape") event.target.blur();
  if (isTyping || event.repeat || event.ctrlKey || event.metaKey || event.altKey || !areOn()) return;
  const target = document.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
  if (!target) return;
  event.preventDefault();
  if (target.matches("textarea")) target.focus();
  else target.click();
});

const undo = document.querySelector("[data-undo]");
if (undo) {
  setTimeout(() => undo.remove(), UNDO);
  history.replaceState(null, "", location.pathname); // loading the page again offers nothing that is over
}

const pictures = [...document.querySelectorAll("[data-zoomed] img")];
const zoom = document.querySelector(".zoom");
if (zoom && pictures.length) {
  const range = zoom.querySelector("input");
  let place = "50% 40%";
  const apply = () => {
    for (const picture of pictures) {
      picture.style.transformOrigin = place;
      picture.style.transform = `scale(${range.value})`;
    }
  };
  zoom.hidden = false;
  range.addEventListener("input", apply);
  for (const picture of pictures) {
    picture.parentElement.addEventListener("pointermove", (event) => {
      const box = picture.parentElement.getBoundingClientRect();
      place = `${(100 * (event.clientX - box.left)) / box.width}% ${(100 * (event.clientY - box.top)) / box.height}%`;
      if (range.value > 1) apply();
    });
  }
}
