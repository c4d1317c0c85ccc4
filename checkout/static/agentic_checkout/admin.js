"use strict";
// Copy buttons appear only where copying works.
document.addEventListener("DOMContentLoaded", () => {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll("[data-agentic-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.agenticCopy);
      button.textContent = "Copied";
    });
  }
});
