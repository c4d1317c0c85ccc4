// Stripe's Payment Element for one intent, whose secret the page of ours around this one hands over.
// What happens here is between the person and Stripe. The page around hears that there is something to
// ask Stripe about; nothing that this page says counts.
"use strict";
(() => {
  document.getElementById("unscripted").remove();
  const form = document.getElementById("card-form");
  const button = form.querySelector("button");
  const problem = document.getElementById("problem");
  const { key, confirmation, language, failed } = form.dataset;
  let stripe = null;
  let elements = null;

  const tell = (text) => {
    problem.textContent = text;
    problem.hidden = !text;
  };
  const tellPage = (what) => window.parent.postMessage(what, window.location.origin);

  const show = (clientSecret) => {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    stripe = window.Stripe(key, { locale: language });
    elements = stripe.elements({ clientSecret, appearance: { theme: dark ? "night" : "stripe" } });
    const element = elements.create("payment", { wallets: { applePay: "never", googlePay: "never" } });
    element.on("ready", () => {
      button.disabled = false;
    });
    element.on("loaderror", () => tell(failed));
    element.mount("#card");
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    tell("");
    let error;
    try {
      ({ error } = await stripe.confirmSetup({ elements, redirect: "if_required" }));
    } catch {
      error = {};
    }
    if (!error || (error.setup_intent && error.setup_intent.status === "succeeded")) {
      tellPage({ confirmation });
      return;
    }
    tell(error.message || failed);
    button.disabled = false;
  });

  addEventListener("message", (event) => {
    if (elements || event.source !== window.parent || event.origin !== window.location.origin) return;
    const said = event.data;
    if (!said || said.confirmation !== confirmation || !said.told) return;
    try {
      show(said.told.client_secret);
    } catch {
      tell(failed);
    }
  });
  // By then Stripe's library, which comes after this file, is there or will not be.
  addEventListener("DOMContentLoaded", () => {
    if (window.parent === window || typeof window.Stripe !== "function") tell(failed);
    else tellPage({ ready: confirmation });
  });
})();
