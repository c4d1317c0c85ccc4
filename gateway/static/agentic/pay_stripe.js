// A card in Stripe's Payment Element, above the button that pays. What the person types goes to Stripe; our
// form is sent with the id that Stripe gave it, and our server asks Stripe about that.
"use strict";
(() => {
  document.getElementById("unscripted").remove();
  const fields = document.getElementById("pay-card");
  const form = fields.closest("form");
  const button = document.getElementById("pay");
  const problem = document.getElementById("problem");
  const chosen = form.elements.payment_method;
  const { key, library, amount, currency, capture, markName, mark, language, failed } = fields.dataset;
  let stripe = null;
  let elements = null;
  let state = "idle";

  const tell = (text) => {
    problem.textContent = text;
    problem.hidden = !text;
  };
  const free = () => {
    state = "idle";
    chosen.value = "";
    button.disabled = !elements;
  };

  const show = () => {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    stripe = window.Stripe(key, { locale: language });
    const shown = stripe.elements({
      mode: "payment",
      amount: Number(amount),
      currency,
      captureMethod: capture,
      paymentMethodTypes: ["card"],
      paymentMethodCreation: "manual",
      appearance: { theme: dark ? "night" : "stripe" },
    });
    const element = shown.create("payment", { wallets: { applePay: "never", googlePay: "never" } });
    element.on("ready", () => {
      elements = shown;
      free();
    });
    element.on("loaderror", () => tell(failed));
    element.mount("#card");
  };

  const made = async () => {
    const { error } = await elements.submit();
    if (error) return { error };
    return stripe.createPaymentMethod({ elements, params: { metadata: { [markName]: mark } } });
  };

  form.addEventListener("submit", async (event) => {
    if (state === "made") {
      state = "sent";
      return;
    }
    event.preventDefault();
    if (state !== "idle" || !elements) return;
    state = "asking";
    tell("");
    let said;
    try {
      said = await made();
    } catch {
      said = { error: {} };
    }
    if (said.error || !said.paymentMethod) {
      tell((said.error && said.error.message) || failed);
      free();
      return;
    }
    chosen.value = said.paymentMethod.id;
    state = "made";
    form.requestSubmit(button);
  });

  // Whoever comes back to this page types the card again, or has paid.
  addEventListener("pageshow", (event) => {
    if (event.persisted) free();
  });

  button.disabled = true;
  const script = document.createElement("script");
  script.src = library;
  script.addEventListener("load", () => {
    try {
      show();
    } catch {
      tell(failed);
    }
  });
  script.addEventListener("error", () => tell(failed));
  document.head.append(script);
})();
