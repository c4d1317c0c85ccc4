"use strict";

// Sets up push messages on this device, when its person asks for that. Whether they work, the server says.
(() => {
  const LOOK_MS = 2000;
  const MOST_LOOKS = 20;

  const place = document.querySelector("[data-push]");
  if (!place) {
    return;
  }
  const { key, worker, scope } = place.dataset;
  const buttons = Object.fromEntries(
    ["subscribe", "test", "remove"].map((name) => [name, place.querySelector(`[data-push-do="${name}"]`)]),
  );
  const problem = place.querySelector("[data-push-problem]");
  const texts = [...place.querySelectorAll("[data-push-says]")];

  const say = (name) => {
    for (const text of texts) {
      text.hidden = text.dataset.pushSays !== name;
    }
    buttons.subscribe.hidden = !["off", "broken", "silent"].includes(name);
    buttons.test.hidden = !["on", "silent"].includes(name);
    buttons.remove.hidden = !["on", "waiting", "silent", "broken"].includes(name);
  };
  const wrong = (text) => {
    problem.textContent = text;
    problem.hidden = !text;
  };

  const bytes = (text) => {
    const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
  };

  const send = async (name, body) => {
    const answer = await fetch(place.dataset[name], {
      method: "POST",
      credentials: "same-origin",
      headers: {
        "Content-Type": "application/json",
        "X-CSRFToken": place.querySelector("[name=csrfmiddlewaretoken]").value,
      },
      body: JSON.stringify(body),
    });
    const told = await answer.json();
    wrong(told.problem || "");
    return told;
  };

  const registered = () => navigator.serviceWorker.register(worker, { scope, updateViaCache: "none" });
  const ready = async () => {
    const found = await registered();
    const starting = found.active ? null : found.installing || found.waiting;
    if (starting) {
      await new Promise((done) => {
        const look = () => (starting.state === "activated" || starting.state === "redundant") && done();
        starting.addEventListener("statechange", look);
        look();
      });
    }
    return found;
  };
  const subscription = async () => {
    const found = await navigator.serviceWorker.getRegistration(scope);
    return found ? found.pushManager.getSubscription() : null;
  };

  const label = () => {
    const agent = navigator.userAgentData;
    const brand = agent && agent.brands.find(({ brand }) => !/not.*brand/i.test(brand));
    return brand ? `${brand.brand}, ${agent.platform}` : navigator.platform || "";
  };

  const subscribed = async () => {
    const found = await ready();
    const options = { userVisibleOnly: true, applicationServerKey: bytes(key) };
    try {
      return await found.pushManager.subscribe(options);
    } catch (error) {
      // Of another key of the shop's, which no message will come by any more.
      const older = error.name === "InvalidStateError" && (await found.pushManager.getSubscription());
      if (!older) {
        throw error;
      }
      await older.unsubscribe();
      return found.pushManager.subscribe(options);
    }
  };

  const standing = async (endpoint, looks) => {
    const told = await send("standing", { endpoint });
    if (told.state === "waiting" && looks > 0) {
      say("waiting");
      setTimeout(() => standing(endpoint, looks - 1).catch(broke), LOOK_MS);
    } else if (told.state) {
      say(told.state === "waiting" ? "silent" : told.state);
    }
  };

  const act = {
    subscribe: async () => {
      if ((await Notification.requestPermission()) !== "granted") {
        return say(Notification.permission === "denied" ? "denied" : "off");
      }
      say("waiting");
      const made = (await subscribed()).toJSON();
      const told = await send("subscribe", { endpoint: made.endpoint, keys: made.keys, label: label() });
      return told.state === "waiting" ? standing(made.endpoint, MOST_LOOKS) : say(told.state || "off");
    },
    test: async () => {
      const made = await subscription();
      const told = made ? await send("test", { endpoint: made.endpoint }) : { state: "off" };
      if (told.state === "waiting") {
        return standing(made.endpoint, MOST_LOOKS);
      }
      return told.state && say(told.state);
    },
    remove: async () => {
      const made = await subscription();
      if (made) {
        await send("remove", { endpoint: made.endpoint });
        await made.unsubscribe();
      }
      return say("off");
    },
  };

  const broke = () => say("failed");

  for (const [name, button] of Object.entries(buttons)) {
    button.addEventListener("click", async () => {
      button.disabled = true;
      wrong("");
      try {
        await act[name]();
      } catch {
        broke();
        buttons.subscribe.hidden = false;
      }
      button.disabled = false;
    });
  }

  const start = async () => {
    if (!("serviceWorker" in navigator && "PushManager" in window && "Notification" in window)) {
      return say("unsupported");
    }
    if (Notification.permission === "denied") {
      return say("denied");
    }
    const made = await subscription();
    return made ? standing(made.endpoint, 0) : say("off");
  };
  start().catch(broke);
})();
