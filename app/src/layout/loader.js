// Brings the islands to life. No page needs them: whatever goes wrong here leaves it as it is.
const address = (rel) => document.querySelector(`link[rel="${rel}"]`).href;
try {
  const script = await import(address("modulepreload"));
  await script.default({ module_or_path: fetch(address("preload"), { credentials: "same-origin" }) });
} catch (error) {
  console.debug("The page works without its script, which did not start:", error);
}
