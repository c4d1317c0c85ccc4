"use strict";

// Shows what we pushed to this device, and opens our own pages. Knows no person, keeps nothing, decides nothing.

const account = new URL("./", self.location);
const mount = new URL("../", self.location);

// The address, if it is a page of ours; else nothing.
const ours = (text) => {
  try {
    const found = new URL(text, account);
    return found.origin === self.location.origin && found.pathname.startsWith(mount.pathname) ? found.href : "";
  } catch {
    return "";
  }
};

const read = (data) => {
  try {
    return data.json() || {};
  } catch {
    return {};
  }
};

// That it came here proves that this device is reached; whose it is, the cookie says that goes along.
const confirm = async (proof) => {
  try {
    await fetch(new URL("push/confirm", account), {
      method: "POST",
      credentials: "same-origin",
      redirect: "error",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ proof }),
    });
  } catch {
    // The page says that nothing came, and offers to try again.
  }
};

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("push", (event) => {
  const { id, title, url, proof } = event.data ? read(event.data) : {};
  const shown = self.registration.showNotification(typeof title === "string" && title ? title : self.location.host, {
    // A repeat replaces what it repeats.
    tag: typeof id === "string" ? id : "",
    data: { url: typeof url === "string" && url ? ours(url) : "" },
  });
  event.waitUntil(Promise.allSettled([shown, typeof proof === "string" && proof ? confirm(proof) : null]));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const { url } = event.notification.data || {};
  if (!url) {
    return;
  }
  const open = async () => {
    const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
    const there = pages.find((page) => page.url === url);
    return there ? there.focus() : self.clients.openWindow(url);
  };
  event.waitUntil(open());
});
