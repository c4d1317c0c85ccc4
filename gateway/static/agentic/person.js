// Time that passes, as text. Every page works without this file.
"use strict";
(() => {
  const opened = performance.now();
  const seconds = () => (performance.now() - opened) / 1000;
  const put = (place, text) => {
    if (place.textContent !== text) place.textContent = text;
  };

  for (const place of document.querySelectorAll("[data-minutes]")) {
    const { minutes, many, one, over } = place.dataset;
    const tell = () => {
      const left = Number(minutes) - Math.floor(seconds() / 60);
      put(place, left > 1 ? many.replace("#", String(left)) : left === 1 ? one : over);
    };
    setInterval(tell, 5000);
  }

  for (const place of document.querySelectorAll("[data-seconds]")) {
    if (place.dataset.seconds === "0") continue;
    setTimeout(() => put(place, place.dataset.ready), Number(place.dataset.seconds) * 1000);
  }

  // Browsers that do not know autofocus on what is not a field.
  const first = document.querySelector("[autofocus]");
  if (first && document.activeElement !== first) first.focus();
})();
