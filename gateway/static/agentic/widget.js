// Loaded before the widget's frame, so that nothing which the widget says is missed. It may say that it
// is ready, and is then told what must be in no address; and that the person has answered. That is a
// hint: the form asks the provider's books.
addEventListener("message", (event) => {
  const widget = document.getElementById("widget");
  if (!widget || event.source !== widget.contentWindow || !event.data) return;
  const { confirmation, origins, told } = widget.dataset;
  if (!origins.split(" ").includes(event.origin)) return;
  if (event.data.ready === confirmation) {
    widget.contentWindow.postMessage({ confirmation, told: JSON.parse(told) }, event.origin);
  }
  if (event.data.confirmation === confirmation) {
    const form = document.getElementById("finished");
    form.requestSubmit(form.querySelector("[value=finished]"));
  }
});
