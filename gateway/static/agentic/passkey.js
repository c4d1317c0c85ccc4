"use strict";

// Hands what the server asks to the device, and what the device answers to the server. Decides nothing.
(() => {
  const WATCH_MS = 3000;
  const MOST_LOOKS = 300;

  const say = (name) => document.querySelector(`[data-says="${name}"]`);
  const able = Boolean(window.PublicKeyCredential && navigator.credentials);

  // For phones whose browser has no JSON of its own for this.
  const bytes = (text) => {
    const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
  };
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replace(/\+/g, "-")
      .replace(/\//g, "_")
      .replace(/=+$/, "");
  const known = (keys) => (keys || []).map((key) => ({ ...key, id: bytes(key.id) }));

  const toMake = (options) => {
    if (PublicKeyCredential.parseCreationOptionsFromJSON) {
      return PublicKeyCredential.parseCreationOptionsFromJSON(options);
    }
    const user = { ...options.user, id: bytes(options.user.id) };
    const excluded = known(options.excludeCredentials);
    return { ...options, user, challenge: bytes(options.challenge), excludeCredentials: excluded };
  };

  const toUse = (options) => {
    if (PublicKeyCredential.parseRequestOptionsFromJSON) {
      return PublicKeyCredential.parseRequestOptionsFromJSON(options);
    }
    const allowed = known(options.allowCredentials);
    return { ...options, challenge: bytes(options.challenge), allowCredentials: allowed };
  };

  const plain = (made) => {
    if (made.toJSON) {
      return made.toJSON();
    }
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (made.response[name]) {
        response[name] = text(made.response[name]);
      }
    }
    return { id: made.id, rawId: text(made.rawId), type: made.type, response, clientExtensionResults: {} };
  };

  const reload = () => window.location.replace(window.location.pathname);

  function watch(place) {
    let looks = 0;
    const look = async () => {
      looks += 1;
      if (!document.hidden) {
        try {
          const answer = await fetch(place.dataset.watch, { credentials: "same-origin", cache: "no-store" });
          const told = await answer.json();
          if (told.state === "interacting") {
            place.querySelector("[data-told]").hidden = false;
          } else if (told.state !== "pending") {
            return reload();
          }
        } catch {
          // It may be back in three seconds.
        }
      }
      if (looks < MOST_LOOKS) {
        setTimeout(look, WATCH_MS);
      }
      return undefined;
    };
    setTimeout(look, WATCH_MS);
  }

  function ceremony(form) {
    const button = form.querySelector("[data-begin]");
    const problem = document.querySelector("[data-problem]");

    const tell = (words) => {
      problem.textContent = words;
      problem.hidden = false;
      problem.focus();
    };

    const send = async (where, body) => {
      const answer = await fetch(where, {
        method: "POST",
        credentials: "same-origin",
        headers: {
          "Content-Type": "application/json",
          "X-CSRFToken": form.querySelector("[name=csrfmiddlewaretoken]").value,
          "X-Seen": form.querySelector("[name=seen]").value,
        },
        body: JSON.stringify(body),
      });
      return answer.json();
    };

    const wrong = (error) => {
      const names = { NotAllowedError: "canceled", AbortError: "canceled", SecurityError: "address" };
      const device = { InvalidStateError: "known", NotSupportedError: "known", ConstraintError: "known" };
      tell(say(names[error.name] || device[error.name] || "failed").textContent);
    };

    const run = async () => {
      const asked = await send(form.dataset.options, {});
      if (asked.problem) {
        return asked.over ? reload() : tell(asked.problem);
      }
      const made =
        asked.step === "make"
          ? await navigator.credentials.create({ publicKey: toMake(asked.options) })
          : await navigator.credentials.get({ publicKey: toUse(asked.options) });
      const judged = await send(form.dataset.proof, plain(made));
      return judged.problem && !judged.over ? tell(judged.problem) : reload();
    };

    button.hidden = false;
    button.addEventListener("click", async () => {
      problem.hidden = true;
      button.disabled = true;
      say("busy").hidden = false;
      try {
        await run();
      } catch (error) {
        wrong(error);
      }
      say("busy").hidden = true;
      button.disabled = false;
    });
  }

  const watched = document.querySelector("[data-watch]");
  if (watched) {
    watch(watched);
  }
  if (say("scripts")) {
    // Shown until this runs: also where scripts are on, and this one was stopped on its way.
    say("scripts").hidden = true;
    say("unsupported").hidden = able;
  }
  const form = document.querySelector("[data-options]");
  if (form && able) {
    ceremony(form);
  }
})();
