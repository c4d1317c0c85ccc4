// Plays Stripe's library: a field in a frame of its own origin, the intent confirmed or the payment method
// made at API, and the bank's question in another frame. It knows the part of the interface that our pages
// use, and no more.
"use strict";
window.Stripe = (key, { locale }) => {
  if (!/^pk_test_/.test(key) || !locale) throw new Error("not how Stripe is asked");
  let secret = "";
  let card = "";
  let submitted = false;
  const on = {};

  const framed = (parent, url, title) => {
    const frame = document.createElement("iframe");
    frame.src = url;
    frame.title = title;
    frame.style.height = "10rem";
    parent.append(frame);
    return frame;
  };
  const answerOf = (frame, origin, heard) =>
    addEventListener("message", (event) => {
      if (event.source === frame.contentWindow && event.origin === origin) heard(event.data);
    });
  const tell = async (path, form) => {
    const answer = await fetch(`API/v1/${path}`, { method: "POST", body: new URLSearchParams({ key, ...form }) });
    return answer.json();
  };
  const ask = async (what, more) => {
    return tell(`setup_intents/${secret.split("_secret_")[0]}/${what}`, { client_secret: secret, ...more });
  };

  return {
    elements: ({ clientSecret, mode, amount, currency, paymentMethodTypes, paymentMethodCreation }) => {
      secret = clientSecret;
      const deferred =
        mode === "payment" &&
        Number.isInteger(amount) &&
        /^[a-z]{3}$/.test(currency) &&
        String(paymentMethodTypes) === "card" &&
        paymentMethodCreation === "manual";
      if (!secret && !deferred) throw new Error("not how elements are made without an intent");
      return {
        submit: async () => {
          submitted = true;
          return card ? {} : { error: { message: "Your card number is incomplete." } };
        },
        create: (kind, { wallets }) => {
          if (kind !== "payment" || wallets.applePay !== "never") throw new Error("not how an element is made");
          return {
            on: (event, heard) => {
              on[event] = heard;
            },
            mount: (place) => {
              const frame = framed(document.querySelector(place), "https://js.stripe.com/endive/card.html", "Card");
              answerOf(frame, "https://js.stripe.com", (said) => {
                if (said === "ready") on.ready();
                else card = said;
              });
            },
          };
        },
      };
    },
    createPaymentMethod: async ({ elements, params }) => {
      if (!elements || !submitted) throw new Error("elements are submitted first");
      const numbers = { "card[number]": card, "card[exp_month]": "12", "card[exp_year]": "2040" };
      const marks = Object.entries(params.metadata).map(([name, value]) => [`metadata[${name}]`, value]);
      const said = await tell("payment_methods", { type: "card", ...numbers, ...Object.fromEntries(marks) });
      return said.error ? { error: said.error } : { paymentMethod: said };
    },
    confirmSetup: async ({ redirect }) => {
      if (redirect !== "if_required") throw new Error("nobody can be sent away from a frame");
      let said = await ask("confirm", { "payment_method_data[card][number]": card });
      if (said.status === "requires_action") {
        const bank = framed(document.body, "https://hooks.stripe.com/bank.html", "Your bank");
        await new Promise((done) => answerOf(bank, "https://hooks.stripe.com", done));
        bank.remove();
        said = await ask("authenticate", {});
      }
      return said.error ? { error: said.error } : { setupIntent: said };
    },
  };
};
