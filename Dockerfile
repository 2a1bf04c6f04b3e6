# The server of a team over HTTP: see docs/deployment.md. A test runs what this file says.
FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY clients clients
COPY tools tools
COPY server server
RUN python -m venv /opt/guichet
RUN /opt/guichet/bin/python -m pip install --no-cache-dir --constraint constraints.txt '.[team]'

FROM python:3.13-slim
COPY --from=build /opt/guichet /opt/guichet
ENV PATH=/opt/guichet/bin:$PATH PYTHONDONTWRITEBYTECODE=1 HOME=/var/lib/guichet
# No name, no home to write in: what it keeps is in the database, and it writes to no file.
USER 10001:10001
EXPOSE 8765
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8765/healthz', timeout=4)"]
CMD ["guichet", "serve", "--http", "--host", "0.0.0.0", "--port", "8765"]
