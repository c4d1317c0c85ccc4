// Loads a page that waits again, once what it waits for has changed. The page works without this file.
"use strict";
(() => {
  const EVERY_MS = 2000;
  const MOST_LOOKS = 900;

  const place = document.querySelector("[data-standing]");
  if (!place) return;
  let looks = 0;
  const look = async () => {
    looks += 1;
    if (!document.hidden) {
      try {
        const answer = await fetch(place.dataset.standing, { credentials: "same-origin", cache: "no-store" });
        const told = await answer.json();
        if (told.stands !== place.dataset.stands) {
          window.location.replace(window.location.pathname);
          return;
        }
      } catch {
        // It may be back in a moment.
      }
    }
    if (looks < MOST_LOOKS) setTimeout(look, EVERY_MS);
  };
  setTimeout(look, EVERY_MS);
})();
