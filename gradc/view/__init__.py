"""Looking at a compiled function: reports, pictures, explanations, and one page of all of them."""
