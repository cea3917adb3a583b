// Parts of a page that ask for themselves again (`data-live`, with hx-trigger="every …, again"). While nobody looks at
// the page they do not ask; when somebody does, they ask at once. Nothing here is needed to read the page.

const live = () => document.querySelectorAll("[data-live]");

document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && event.target.matches("[data-live]")) event.preventDefault();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) for (const part of live()) part.dispatchEvent(new CustomEvent("again"));
});

// What is gone, or is not for this login any more, is not left standing as if it were true.
const OVER = new Set([401, 403, 404, 409]);
document.addEventListener("htmx:beforeSwap", (event) => {
  const part = event.target.closest("[data-live]");
  if (!part) return;
  if (OVER.has(event.detail.xhr.status)) event.detail.shouldSwap = true;
  for (const details of part.querySelectorAll("details[data-stays][open]")) opened.add(details.id);
});
for (const lost of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
  document.addEventListener(lost, (event) => event.target.closest("[data-live]")?.setAttribute("data-stale", ""));
}

const opened = new Set(); // what somebody has opened stays open
document.addEventListener("htmx:afterSettle", () => {
  for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
  opened.clear();
});

// A form that is on its way is not sent twice.
const setDisabled = (form, isDisabled) => {
  for (const button of form.querySelectorAll("button")) button.disabled = isDisabled;
};
// After it has been read: the value of a disabled button is not sent.
document.addEventListener("submit", (event) => setTimeout(() => setDisabled(event.target, true)));
addEventListener("pageshow", () => document.querySelectorAll("form").forEach((form) => setDisabled(form, false)));
