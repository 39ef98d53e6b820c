// One choice over everything: what says of itself that it is of another task, model, method ... is hidden.
const chosen = {}, KINDS = ["system", "task", "model", "method", "made"];
if (document.querySelector("#filters")) {
  const bar = document.querySelector("#filters");
  const parts = [...document.querySelectorAll(KINDS.map(kind => `[data-${kind}]`).join())];
  const apply = () => {
    for (const part of parts) {
      part.classList.toggle("out", KINDS.some(kind => chosen[kind] && part.dataset[kind] && part.dataset[kind] !== chosen[kind]
        && !(kind === "method" && part.dataset.method === "base")));
    }
    for (const box of document.querySelectorAll("[data-pivot]")) box.dispatchEvent(new CustomEvent("chosen", {detail: chosen}));
    document.dispatchEvent(new Event("filtered"));
  };
  for (const kind of KINDS) {
    const values = [...new Set(parts.map(part => part.dataset[kind]).filter(Boolean))].sort();
    if (values.length < 2) continue;
    const label = document.createElement("label"), select = document.createElement("select");
    select.append(new Option("all", ""), ...values.map(value => new Option(value, value)));
    select.addEventListener("change", () => { chosen[kind] = select.value; apply(); });
    label.append(kind === "made" ? "models and data " : `${kind} `, select);
    bar.append(label);
  }
  bar.hidden = !bar.querySelector("select");
}
