// Tables that switches choose between: one of a pivot's views is shown. Without this script all are.
for (const box of document.querySelectorAll("[data-pivot]")) {
  const views = [...box.querySelectorAll("[data-choice]")].map(node => ({node, choice: JSON.parse(node.dataset.choice)}));
  const switches = [...box.querySelectorAll("[data-switch]")];
  const matches = (view, upTo) => switches.slice(0, upTo).every(each => view.choice[each.dataset.switch] === each.value);
  const show = () => {
    // A later switch offers what there is for the earlier ones.
    switches.forEach((each, i) => {
      const there = new Set(views.filter(view => matches(view, i)).map(view => view.choice[each.dataset.switch]));
      for (const option of each.options) option.hidden = option.disabled = !there.has(option.value);
      if (!there.has(each.value)) each.value = [...there][0];
      each.parentElement.hidden = each.options.length < 2;
    });
    for (const view of views) view.node.hidden = !matches(view, switches.length);
  };
  for (const each of switches) each.addEventListener("change", show);
  box.addEventListener("chosen", event => {
    for (const each of switches) {
      const wanted = event.detail[each.dataset.switch];
      const option = [...each.options].find(found => found.value === wanted || found.value.startsWith(`${wanted} (`));
      if (wanted && option) each.value = option.value;
    }
    show();
  });
  show();
}
