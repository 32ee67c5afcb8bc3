"""Pictures of a report, each as SVG, as Unicode for a terminal, and told in a few sentences."""
