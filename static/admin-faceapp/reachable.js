// Unfold has controls that only a mouse reaches, and fields of Select2 without names. The same for keyboards and screen
// readers; and a button that copies a new key.
"use strict";

(() => {
  const MOUSE_ONLY = "a[x-on\\:click]:not([href]), span[x-on\\:click], [x-on\\:click].cursor-pointer:not(a, button, span)";
  const NAMES = { dock_to_right: "Menu", familiar_face_and_zone: "Dashboard" }; // of icons that stand alone

  const makeButton = (control) => {
    control.tabIndex = 0;
    control.setAttribute("role", "button");
    control.addEventListener("keydown", (event) => {
      if (event.target !== control || (event.key !== "Enter" && event.key !== " ")) return;
      event.preventDefault();
      control.click();
    });
  };

  /** An icon is a word to a screen reader ("unfold_more"): it is hidden, or names the control that has nothing else. */
  const nameIcon = (icon) => {
    const word = icon.textContent.trim();
    const control = icon.closest("a, button, [role=button]");
    if (control !== icon) icon.ariaHidden = "true";
    if (control && control.textContent.trim() === word && !control.ariaLabel) {
      control.ariaLabel = control.title || NAMES[word] || word.replaceAll("_", " ");
    }
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
    document.querySelectorAll(MOUSE_ONLY).forEach(makeButton);
    document.querySelectorAll(".material-symbols-outlined").forEach(nameIcon);
    document.querySelectorAll("code.fa-secret").forEach(addCopy);
    const look = () => document.querySelectorAll(".select2-container").forEach(nameSelect2);
    look();
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
  });
})();
