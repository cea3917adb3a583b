# One image for the services web, worker, trainer, beat and migrate of docker-compose.yml.

FROM python:3.13.15-slim-bookworm AS packages
WORKDIR /build
COPY requirements-build.txt requirements.txt requirements-gpu.txt ./
RUN pip install --no-cache-dir --require-hashes --no-deps --only-binary :all: -r requirements-build.txt
# The lock is complete; --no-deps keeps out a second OpenCV wheel (see requirements-overrides.txt).
RUN uv venv /opt/venv && \
    uv pip install --no-cache --no-deps --require-hashes --build-constraints requirements-build.txt \
        --compile-bytecode --python /opt/venv/bin/python -r requirements.txt
# For NVIDIA cards (docker-compose.gpu.yml): the other wheel of ONNX Runtime, and over a gigabyte of CUDA's libraries.
ARG CARD=none
RUN if [ "$CARD" = nvidia ]; then \
        uv pip uninstall --python /opt/venv/bin/python onnxruntime && \
        uv pip install --no-cache --no-deps --require-hashes \
            --compile-bytecode --python /opt/venv/bin/python -r requirements-gpu.txt; \
    fi

FROM python:3.13.15-slim-bookworm
# No home folder: whatever a library wants to cache goes to /tmp, the only writable place beside the volumes.
ENV PATH=/opt/venv/bin:$PATH \
    HOME=/tmp \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    FACEAPP_VAR=/tmp/faceapp \
    FACEAPP_STATIC_ROOT=/srv/static \
    FACEAPP_MEDIA_ROOT=/srv/media \
    FACEAPP_MODELS_DIR=/srv/models \
    FACEAPP_AUDIT_KEY_FILE=/srv/audit/key.pem \
    FACEAPP_MASTER_KEY_FILE=/srv/keys/master.key
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY . .
# A volume takes owner and mode from the folder it covers, so these folders belong to the user of the processes.
# The key made while static files are collected lies under FACEAPP_VAR and goes with it.
# The user has a name because Celery takes one without for a superuser.
RUN groupadd --gid 10001 faceapp && \
    useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin faceapp && \
    python manage.py collectstatic --noinput && \
    rm -r "$FACEAPP_VAR" && \
    chmod -R a+rX . && \
    install -d -m 0700 -o 10001 -g 10001 "$FACEAPP_MEDIA_ROOT" "$FACEAPP_MODELS_DIR" \
        "$(dirname "$FACEAPP_AUDIT_KEY_FILE")" "$(dirname "$FACEAPP_MASTER_KEY_FILE")"
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["gunicorn", "--config=file:faceapp/web_server.py", "faceapp.wsgi", "--bind=0.0.0.0:8000", "--worker-tmp-dir=/dev/shm", "--max-requests=10000", "--max-requests-jitter=1000"]
