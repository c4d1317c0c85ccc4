// Tells the page around ours, or the one that opened it, how it ended: to registered origins alone.
const told = document.currentScript.dataset;
const around = window.parent !== window ? window.parent : window.opener;

for (const origin of told.embedders.split(" ")) {
  if (around) around.postMessage({ source: "agentic-gateway", event: told.event, session: told.session }, origin);
}
