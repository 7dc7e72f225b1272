// Brings the islands to life, once the page is painted. No page needs them: whatever goes wrong here leaves it as it is.
const address = (rel) => document.querySelector(`link[rel="${rel}"]`).href;
const painted = new Promise((go) => {
  requestAnimationFrame(() => setTimeout(go));
  setTimeout(go, 250); // a page in the background is not painted
});
try {
  await painted;
  const script = await import(address("modulepreload"));
  await script.default({ module_or_path: fetch(address("preload"), { credentials: "same-origin" }) });
} catch (error) {
  console.debug("The page works without its script, which did not start:", error);
}
