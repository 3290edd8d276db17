# The service alone: no pipelines, no notebooks, no compiler. Build: docker build -t model-lifecycle .

FROM python:3.11-slim AS build
COPY requirements-build.lock requirements-serving.lock /build/
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --quiet --require-hashes -r /build/requirements-build.lock \
 && /opt/venv/bin/pip install --no-cache-dir --no-compile --require-hashes -r /build/requirements-serving.lock
COPY pyproject.toml README.md /build/
COPY src /build/src
RUN /opt/venv/bin/pip install --no-cache-dir --no-compile --no-deps --no-build-isolation /build
# What the service never imports goes: a quarter of the size. CatBoost brings the plotting packages and draws nothing
# here; Ray brings its Java and reinforcement-learning parts and a profiler. Bytecode is written once, here: without
# it every process of every start would compile the same sources anew.
RUN /opt/venv/bin/pip uninstall --quiet --yes \
        contourpy cycler fonttools graphviz kiwisolver matplotlib pillow plotly py-spy pyparsing setuptools \
 && /opt/venv/bin/pip uninstall --quiet --yes pip \
 && cd /opt/venv/lib/python3.*/site-packages \
 && rm -rf ray/jars ray/rllib ray/llm ray/dashboard/client \
 && find . -type d \( -name tests -o -name test -o -name __pycache__ \) -prune -exec rm -rf {} + \
 && find . -type f \( -name '*.pyi' -o -name '*.pxd' -o -name '*.pyx' -o -name '*.h' -o -name '*.hpp' \) -delete \
 && (/opt/venv/bin/python -m compileall -qq -j 0 --invalidation-mode unchecked-hash . || true) \
 && /opt/venv/bin/python -m model_lifecycle serve --help >/dev/null
# The proof that nothing was taken that is needed, and that nothing else came in.
RUN /opt/venv/bin/python -c "import alembic, catboost, mlflow.tracking, psycopg, ray.serve, skops.io, sklearn.linear_model" \
 && /opt/venv/bin/python -c "import importlib.util as u; exit(any(map(u.find_spec, ('kedro', 'matplotlib', 'pip', 'plotly'))))"

FROM python:3.11-slim
RUN useradd --create-home --uid 10001 service && mkdir -p /app/data && chown service /app/data
COPY --from=build /opt/venv /opt/venv
COPY conf/serve /app/conf/serve
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    USER=service \
    DO_NOT_TRACK=1 \
    MLFLOW_DISABLE_TELEMETRY=true \
    RAY_USAGE_STATS_ENABLED=0
USER service
WORKDIR /app
# The prediction log, the key's hash and, unless a release is named, the registry: mount them here.
VOLUME /app/data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=90s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/readyz', timeout=2)"]
ENTRYPOINT ["python", "-m", "model_lifecycle"]
CMD ["serve", "--host", "0.0.0.0"]
