// Tells a person who is at this page that an agent of theirs needs them. Every page works without this file.
"use strict";
(() => {
  const EVERY_MS = 5000;
  const SLOWEST_MS = 120000;

  const place = document.querySelector("[data-agentic-news]");
  if (!place) return;
  let wait = EVERY_MS;
  let timer = 0;
  let asking = false;
  let known = "";

  // Written once, and again only when it differs: whoever listens to the page hears it once.
  const show = (news) => {
    if (!news.waiting) {
      place.replaceChildren();
      return;
    }
    const [told, title] = [document.createElement("p"), document.createElement("p")];
    told.textContent = news.told;
    title.textContent = news.title;
    const link = document.createElement("a");
    link.href = news.url;
    link.textContent = news.open;
    place.replaceChildren(told, title, link);
  };

  const later = (milliseconds) => {
    clearTimeout(timer);
    timer = setTimeout(ask, milliseconds);
  };

  const ask = async () => {
    // Nobody sees a page that is hidden: nobody is there, and nothing is asked until it is seen again.
    if (document.hidden || asking) return;
    asking = true;
    try {
      const answer = await fetch(place.dataset.agenticNews, {
        method: "POST",
        credentials: "same-origin",
        cache: "no-store",
        headers: { "X-Known": known },
      });
      if (answer.status === 403 || answer.status === 404) {
        // Signed out, or there is no such thing here. Loading the page again asks again.
        place.replaceChildren();
        return;
      }
      if (!answer.ok) throw new Error("later");
      const news = await answer.json();
      if (!news.same) show(news);
      known = news.version;
      wait = EVERY_MS;
    } catch {
      wait = Math.min(wait * 2, SLOWEST_MS);
    } finally {
      asking = false;
    }
    later(wait);
  };

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) later(0);
  });
  ask();
})();
