// Playhead: everything here is an addition; each page works without it.
const $ = (s, r = document) => r.querySelector(s), $$ = (s, r = document) => [...r.querySelectorAll(s)];

// 1. The browser's time zone, for a new account.
const zone = $("[data-zone]");
if (zone) zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone || zone.value;

// 2. Live progress: each event is a reason to ask the server for its words.
for (const box of $$("[data-live]")) {
  if (!("EventSource" in window)) continue;
  const say = $("[role=status]", box), source = new EventSource(box.dataset.live);
  let spoken = 0, tries = 0, asking = false, again = false;
  const show = words => {
    for (const [key, value] of Object.entries(words)) {
      for (const el of $$(`[data-bind="${key}"]`, box)) {
        if (el.tagName === "PROGRESS") { el.max = value[1]; el.value = value[0]; } else el.textContent = value;
      }
    }
    const now = Date.now(); // a screen reader hears a sentence every 5 s at most
    if (now - spoken > 5000) { say.textContent = words.sentence; spoken = now; }
  };
  const ask = async () => {
    if (asking) { again = true; return; }
    asking = true;
    try {
      const reply = await fetch(box.dataset.words);
      if (reply.status === 204) { location.replace(box.dataset.again); return; }
      if (reply.ok) show(await reply.json());
    } catch { /* the next event asks again */ }
    asking = false;
    if (again) { again = false; ask(); }
  };
  source.onopen = () => { tries = 0; };
  source.addEventListener("progress", ask);
  source.addEventListener("signed_out", () => { source.close(); location.replace("/"); });
  source.onerror = () => {
    if (++tries <= 5) return;
    source.close();
    say.classList.remove("vh");
    say.textContent = "Live figures stopped. The sync itself goes on; reload the page to see where it is.";
  };
  addEventListener("pagehide", () => source.close());
}

// 3. Copy buttons.
for (const button of $$("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const words = button.textContent, text = $(button.dataset.copy);
    try { await navigator.clipboard.writeText(text.textContent.trim()); button.textContent = "Copied"; }
    catch { getSelection().selectAllChildren(text); button.textContent = "Press Ctrl+C"; }
    setTimeout(() => { button.textContent = words; }, 2000);
  });
}
