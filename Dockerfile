# UDB with its web server, daemon and code location in one image; the command decides which one a container is.
#   docker build -t udb .
#   docker build -t udb --build-arg ODBC_DRIVERS="tdsodbc odbc-mariadb" .     other drivers than SQL Server's
#   docker run --rm -v "$PWD:/data:ro" -v udb:/var/lib/udb udb udb run /data/customers.csv

FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/udb
# With what MongoDB and ODBC need: nobody can add a package to the image that runs.
COPY requirements.lock /src/
RUN /opt/udb/bin/pip install --no-deps --require-hashes --requirement /src/requirements.lock
COPY pyproject.toml README.md /src/
COPY udb_pipelines /src/udb_pipelines
RUN /opt/udb/bin/pip install --no-deps /src

FROM python:3.11-slim
# OpenSSH's client reads sftp:// sources; ODBC reads mssql:// and odbc:// ones, by drivers that Debian packages.
ARG ODBC_DRIVERS="tdsodbc"
RUN apt-get update && apt-get install --yes --no-install-recommends openssh-client unixodbc ${ODBC_DRIVERS} \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --user-group --home-dir /var/lib/udb --no-create-home --shell /usr/sbin/nologin udb \
    && install --directory --owner udb --group udb /var/lib/udb
COPY --from=build /opt/udb /opt/udb
COPY workspace.remote.yaml /opt/udb/workspace.yaml
ENV PATH=/opt/udb/bin:$PATH PYTHONUNBUFFERED=1 UDB_HOME=/var/lib/udb DAGSTER_HOME=/var/lib/udb/dagster
WORKDIR /var/lib/udb
# By number, so that Kubernetes can see that it is not root.
USER 10001:10001
VOLUME /var/lib/udb
EXPOSE 3000 4000
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:3000/server_info', timeout=4)"]
CMD ["dagster-webserver", "--host", "0.0.0.0", "--port", "3000", "--module-name", "udb_pipelines.definitions"]
