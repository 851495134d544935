"""The gallery of figures: what each shows, the code that draws it, and one sheet with all of them."""
