// Every .sortable table sorts by its headings and shows only rows that hold all words of its search field.
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
  }));
  const field = box.querySelector("input[type=search]"), shown = box.querySelector("[role=status]");
  if (!field) continue;
  const filter = () => {
    const words = field.value.toLowerCase().split(/\s+/);
    let count = 0;
    for (const row of body.rows) {
      row.hidden = !words.every(word => row.textContent.toLowerCase().includes(word));
      count += !row.hidden;
    }
    shown.textContent = `${count} of ${body.rows.length} rows`;
  };
  field.addEventListener("input", filter);
  filter();
}
