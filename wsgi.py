"""The application for gunicorn and for `flask` (FLASK_APP=wsgi)."""

from app import create_app
from chat import logs

logs.configure()
app = create_app()
