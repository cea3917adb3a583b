// Buttons that copy the text of the element before them. Without a clipboard (pages without HTTPS) the text is selected.

for (const button of document.querySelectorAll("[data-copy]")) {
  const text = button.previousElementSibling;
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = button.dataset.copy;
    } catch {
      getSelection().selectAllChildren(text);
    }
  });
}
