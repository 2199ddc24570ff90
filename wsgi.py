"""The application for gunicorn and for `flask` (FLASK_APP=wsgi)."""

from app import create_app

app = create_app()
