# The service alone: no pipelines, no notebooks, no compiler. Build: docker build -t model-lifecycle .

FROM python:3.11-slim AS build
COPY requirements-build.lock requirements-serving.lock /build/
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --quiet --require-hashes -r /build/requirements-build.lock \
 && /opt/venv/bin/pip install --no-cache-dir --no-compile --require-hashes -r /build/requirements-serving.lock
COPY pyproject.toml README.md /build/
COPY src /build/src
# What only tests and builds need goes: a third of the size.
RUN /opt/venv/bin/pip install --no-cache-dir --no-compile --no-deps --no-build-isolation /build \
 && find /opt/venv/lib -type d \( -name tests -o -name test \) -path '*-packages/*' -prune -exec rm -rf {} + \
 && find /opt/venv/lib -type d -name __pycache__ -prune -exec rm -rf {} + \
 && /opt/venv/bin/pip uninstall --quiet --yes setuptools pip

FROM python:3.11-slim
RUN useradd --create-home --uid 10001 service && mkdir -p /app/data && chown service /app/data
COPY --from=build /opt/venv /opt/venv
COPY --chown=service conf /app/conf
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DO_NOT_TRACK=1 \
    MLFLOW_DISABLE_TELEMETRY=true \
    RAY_USAGE_STATS_ENABLED=0
USER service
WORKDIR /app
# Releases, the registry and the prediction log: mount them here.
VOLUME /app/data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=90s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/readyz', timeout=2)"]
CMD ["python", "-m", "model_lifecycle", "serve", "--host", "0.0.0.0"]
