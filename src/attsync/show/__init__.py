"""What people read, made from views: tables, lines and pages. Returns renderables and prints nothing."""
