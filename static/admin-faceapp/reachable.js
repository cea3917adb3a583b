// Unfold has controls that only a mouse reaches, and fields of Select2 without names. The same for keyboards and screen
// readers; and a button that copies a new key.
"use strict";

(() => {
  const MOUSE_ONLY = "a[x-on\\:click]:not([href]), span[x-on\\:click], [x-on\\:click].cursor-pointer:not(a, button, span)";
  const NAMES = { dock_to_right: "Menu", close: "Close the menu", tune: "Options" };

  const makeButton = (control) => {
    const words = control.textContent.trim();
    control.tabIndex = 0;
    control.setAttribute("role", "button");
    if (words in NAMES) control.setAttribute("aria-label", NAMES[words]);
    control.addEventListener("keydown", (event) => {
      if (event.target !== control || (event.key !== "Enter" && event.key !== " ")) return;
      event.preventDefault();
      control.click();
    });
  };

  const nameSelect2 = (box) => {
    const select = box.previousElementSibling;
    const label = select?.id && document.querySelector(`label[for="${CSS.escape(select.id)}"]`);
    const name = label ? label.textContent.trim().replace(/\s*\*$/, "") : select?.name;
    if (!name) return;
    for (const field of box.querySelectorAll(".select2-selection, .select2-search__field")) {
      field.setAttribute("aria-label", name);
      field.removeAttribute("aria-labelledby");
    }
  };

  const addCopy = (code) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "fa-copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(code); // no HTTPS: the browser lets people copy, not pages
        button.textContent = "Press Ctrl+C";
      }
    });
    code.after(button);
  };

  document.addEventListener("DOMContentLoaded", () => {
    document.getElementById("content")?.setAttribute("role", "main");
    for (const icon of document.querySelectorAll(".material-symbols-outlined:not([x-on\\:click])")) icon.ariaHidden = "true";
    document.querySelectorAll(MOUSE_ONLY).forEach(makeButton);
    document.querySelectorAll("code.fa-secret").forEach(addCopy);
    const look = () => document.querySelectorAll(".select2-container").forEach(nameSelect2);
    look();
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
  });
})();
