"""How the pictures look: classes, colours for light and dark, and print.

The colours are of the Okabe-Ito palette, which people who see few colours can tell apart, darkened
or lightened to stand out on paper. No state has its colour alone: see HATCHES in ``sheet`` for the
patterns, and dashes, letters and signs beside them.
"""

from __future__ import annotations

CSS = """\
:root {
  --draw-ink: #1b1f24; --draw-soft: #57606a; --draw-line: #8c959f; --draw-paper: #ffffff;
  --draw-box: #f6f8fa; --draw-error: #b34700; --draw-error-fill: #fbe6da;
  --draw-warning: #8a5f00; --draw-warning-fill: #fdf1d3; --draw-info: #0067a3;
  --draw-info-fill: #e1f0fa; --draw-good: #00704f; --draw-good-fill: #e2f4ee;
  --draw-unseen: #6e6e78; --draw-unseen-fill: #efeff2;
}
@media (prefers-color-scheme: dark) {
  :root {
    --draw-ink: #e6edf3; --draw-soft: #a9b3bd; --draw-line: #6e7681; --draw-paper: #0d1117;
    --draw-box: #161b22; --draw-error: #f0883e; --draw-error-fill: #45220c;
    --draw-warning: #e3b341; --draw-warning-fill: #3a2d08; --draw-info: #6cb6ee;
    --draw-info-fill: #0f2a40; --draw-good: #3fc79a; --draw-good-fill: #0b3226;
    --draw-unseen: #a0a0ad; --draw-unseen-fill: #26262c;
  }
}
svg.draw {
  max-width: 100%; height: auto; background: var(--draw-paper); color: var(--draw-ink);
  font-family: ui-monospace, "DejaVu Sans Mono", "Liberation Mono", Menlo, Consolas, monospace;
}
svg.draw text { fill: var(--draw-ink); }
svg.draw text.soft { fill: var(--draw-soft); }
svg.draw text.strong { font-weight: bold; }
svg.draw .box { fill: var(--draw-box); stroke: var(--draw-line); stroke-width: 1; }
svg.draw .box.good { fill: var(--draw-good-fill); stroke: var(--draw-good); }
svg.draw .box.error {
  fill: var(--draw-error-fill); stroke: var(--draw-error); stroke-width: 3;
}
svg.draw .box.warning {
  fill: var(--draw-warning-fill); stroke: var(--draw-warning); stroke-width: 2;
  stroke-dasharray: 7 3;
}
svg.draw .box.info { fill: var(--draw-info-fill); stroke: var(--draw-info); }
svg.draw .box.unseen {
  fill: var(--draw-unseen-fill); stroke: var(--draw-unseen); stroke-dasharray: 2 3;
}
svg.draw .box.gone { fill: none; stroke: var(--draw-line); stroke-dasharray: 2 3; }
svg.draw .wash { stroke: none; }
svg.draw .hatch { fill: none; stroke-width: 1; stroke: var(--draw-line); }
svg.draw .hatch.error { stroke: var(--draw-error); }
svg.draw .hatch.warning { stroke: var(--draw-warning); }
svg.draw .hatch.info { stroke: var(--draw-info); stroke-width: 2; stroke-linecap: round; }
svg.draw .hatch.unseen { stroke: var(--draw-unseen); }
svg.draw .rail { fill: none; stroke: var(--draw-line); stroke-width: 1.5; }
svg.draw .rail.faint { stroke-width: 1; stroke-dasharray: 1 4; }
svg.draw .rail.done { stroke: var(--draw-good); stroke-width: 2.5; }
svg.draw .rail.late { stroke: var(--draw-error); stroke-width: 3; stroke-dasharray: 8 4; }
svg.draw .rail.other { stroke: var(--draw-info); stroke-width: 2.5; }
svg.draw .rail.unseen { stroke: var(--draw-unseen); stroke-dasharray: 1 4; }
svg.draw .dot { fill: var(--draw-paper); stroke: var(--draw-line); stroke-width: 2; }
svg.draw .dot.done { fill: var(--draw-good); stroke: var(--draw-good); }
svg.draw .dot.late { stroke: var(--draw-error); }
svg.draw .dot.other { fill: var(--draw-info); stroke: var(--draw-info); }
svg.draw .dot.unseen { stroke: var(--draw-unseen); stroke-dasharray: 1 2; }
@media print {
  :root {
    --draw-ink: #000000; --draw-soft: #333333; --draw-line: #666666; --draw-paper: #ffffff;
    --draw-box: #ffffff; --draw-error: #000000; --draw-error-fill: #ffffff;
    --draw-warning: #333333; --draw-warning-fill: #ffffff; --draw-info: #555555;
    --draw-info-fill: #ffffff; --draw-good: #555555; --draw-good-fill: #ffffff;
    --draw-unseen: #777777; --draw-unseen-fill: #ffffff;
  }
  svg.draw { break-inside: avoid; }
}
"""
