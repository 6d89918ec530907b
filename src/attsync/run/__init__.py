"""One run: plan what is sent, dispatch it, report what became of it."""
