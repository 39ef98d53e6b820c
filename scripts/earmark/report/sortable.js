// Every .sortable table sorts by its headings and shows only rows that hold all words of its search field,
// and of many the first: laying out a thousand rows takes longer than a reader waits.
const FIRST_ROWS = 200;
for (const box of document.querySelectorAll(".sortable")) {
  const body = box.querySelector("tbody"), heads = [...box.querySelectorAll("thead th")];
  const numbers = heads.map(head => head.classList.contains("number"));
  const value = (row, i) => row.cells[i].dataset.sort ?? (numbers[i] ? "" : row.cells[i].textContent.toLowerCase());
  heads.forEach((head, i) => head.firstChild.addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    heads.forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const byNumber = [...body.rows].some(row => "sort" in row.cells[i].dataset);
    body.append(...[...body.rows].sort((a, b) => {
      const [x, y] = byNumber ? [a.cells[i].dataset.sort ?? "", b.cells[i].dataset.sort ?? ""] : [value(a, i), value(b, i)];
      if (x === "" || y === "") return (x === "") - (y === "");  // rows without a value stay last
      return (down ? -1 : 1) * (byNumber ? x - y : x.localeCompare(y));
    }));
    limit();
  }));
  const field = box.querySelector("input[type=search]"), shown = box.querySelector("[role=status]");
  const more = Object.assign(document.createElement("button"), {type: "button", textContent: "show all rows", hidden: true});
  let most = FIRST_ROWS;
  const limit = () => {
    const found = [...body.rows].filter(row => !row.hidden && !row.classList.contains("out"));
    found.forEach((row, i) => row.classList.toggle("beyond", i >= most));
    more.hidden = found.length <= most;
    if (field) shown.textContent = `${found.length} of ${body.rows.length} rows${more.hidden ? "" : `, the first ${most} shown`}`;
  };
  more.addEventListener("click", () => { most = Infinity; limit(); });
  document.addEventListener("filtered", limit);
  if (!field) continue;
  shown.after(" ", more);
  const filter = () => {
    const words = field.value.toLowerCase().split(/\s+/);
    for (const row of body.rows) row.hidden = !words.every(word => row.textContent.toLowerCase().includes(word));
    limit();
  };
  field.addEventListener("input", filter);
  filter();
}
