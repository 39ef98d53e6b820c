// What one does with a table: copy its visible rows, see all columns on a phone, reach its hints by arrow keys.
{
  const quoted = text => /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  // A spreadsheet runs cells that begin like this; a quote in front makes them text.
  const plain = cell => cell.textContent.trim().replaceAll("\u00a0", " ").replace(/^[=+\-@]/, "'$&");
  const visible = row => row.offsetParent !== null;
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", async () => {
      const table = [...button.closest("[data-pivot], .sortable").querySelectorAll("table")].find(visible);
      const rows = [...table.rows].filter(row => visible(row) || row.matches(".beyond:not(.out, [hidden])"));
      const text = rows.map(row => [...row.cells].map(cell => quoted(plain(cell))).join(",")).join("\n");
      const said = button.parentElement.querySelector("[role=status]");
      try {
        await navigator.clipboard.writeText(`${text}\n`);
        said.textContent = `${rows.length - 1} rows copied`;
      } catch (error) {
        said.textContent = `not copied: ${error.message}`;
      }
      document.body.dataset.copied = text;
    });
  }
  for (const box of document.querySelectorAll("[data-whole]")) {
    box.addEventListener("change", () => box.closest(".sortable").classList.toggle("brief", !box.checked));
  }
  for (const region of document.querySelectorAll("[role=region]")) {
    region.addEventListener("keydown", event => {
      const step = {ArrowDown: 1, ArrowUp: -1}[event.key], hints = [...region.querySelectorAll("[data-hint]")].filter(visible);
      if (!step || !hints.length) return;
      event.preventDefault();
      const at = hints.indexOf(document.activeElement) + step;
      hints[Math.min(Math.max(at, 0), hints.length - 1)].focus();
    });
  }
}
