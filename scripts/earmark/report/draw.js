// Charts are drawn when they come near, or while nothing else is to do, and again when a filter changes.
{
  const theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const waiting = new Set(document.querySelectorAll(".chart"));
  const wanted = row => !("method" in row) || !chosen.method || [chosen.method, "base"].includes(row.method);
  const filtered = part => {
    if (Array.isArray(part)) return part.filter(row => !row || typeof row !== "object" || wanted(row)).map(filtered);
    if (!part || typeof part !== "object") return part;
    return Object.fromEntries(Object.entries(part).map(([key, value]) => [key, filtered(value)]));
  };
  const draw = async chart => {
    waiting.delete(chart);
    const figure = chart.closest("figure"), text = figure.querySelector("script").textContent;
    const specification = JSON.parse(text), other = text.includes('"method": "') && !text.includes(`"method": ${JSON.stringify(chosen.method)}`);
    figure.classList.toggle("out", Boolean(chosen.method) && other);
    if (figure.classList.contains("out")) return;
    try {
      const {view} = await vegaEmbed(chart, chosen.method ? filtered(specification) : specification, {renderer: "svg", actions: false, tooltip: {theme}});
      view.addEventListener("click", (_, item) => { if (item?.datum?.result) document.dispatchEvent(new CustomEvent("asked", {detail: item.datum.result})); });
    } catch (error) {
      chart.textContent = `This chart could not be drawn: ${error.message}`;
      console.error(error);
    }
  };
  const near = new IntersectionObserver(entries => {
    for (const entry of entries) if (entry.isIntersecting && waiting.has(entry.target)) draw(entry.target);
  }, {rootMargin: "800px"});
  const idle = () => new Promise(done => requestIdleCallback(done, {timeout: 200}));
  const rest = async () => {
    for (const chart of document.querySelectorAll(".chart")) near.observe(chart);
    for (const chart of [...waiting]) {
      await idle();
      if (waiting.has(chart) && chart.offsetParent) await draw(chart);
    }
    document.body.dataset.ready = "yes";
  };
  document.addEventListener("filtered", () => {
    document.querySelectorAll(".chart").forEach(chart => waiting.add(chart));
    near.disconnect();
    rest();
  });
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach(part => { part.open = true; }));
  rest();
}
