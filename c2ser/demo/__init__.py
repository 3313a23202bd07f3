"""A page for the browser on which a trained system labels a recording; `analysis` is what it does, `page` how it looks."""
