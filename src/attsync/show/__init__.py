"""Tables and lines that people read (UX.md), made from views. Returns renderables and prints nothing.

Knows rich and words; refuses to know where a view comes from. Colour only repeats what a sign or word says.
"""
