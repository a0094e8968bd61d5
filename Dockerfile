# Hummingbot's official image with the connector in it.
#
#   docker build -t hummingbot-extended .
#   docker build -t hummingbot-extended --build-arg HUMMINGBOT_IMAGE=hummingbot/hummingbot:TAG .
#
# Then name it as `image:` in Hummingbot's docker-compose.yml, and as the bot image of hummingbot-api. The build stops
# with a sentence when the image holds a release of Hummingbot that this package is not tested on.
# Never `docker exec … pip install`: the connector would be gone with the container, the saved keys would not, and
# Hummingbot does not log in with keys for a connector that it cannot find (docs/installation.md).

ARG HUMMINGBOT_IMAGE=hummingbot/hummingbot:development
FROM ${HUMMINGBOT_IMAGE}

WORKDIR /tmp/hummingbot-extended
COPY setup.py pyproject.toml README.md LICENSE ./
COPY hummingbot_extended hummingbot_extended
COPY scripts scripts
COPY controllers controllers
COPY conf conf

# Hummingbot's own Python: a login shell's path may name another.
ARG ENVIRONMENT=/opt/conda/envs/hummingbot
RUN ${ENVIRONMENT}/bin/python -m pip install --no-cache-dir . \
 && ${ENVIRONMENT}/bin/hummingbot-extended install --hummingbot-dir /home/hummingbot \
 && ${ENVIRONMENT}/bin/hummingbot-extended doctor --hummingbot-dir /home/hummingbot --offline \
 && rm -rf /tmp/hummingbot-extended

WORKDIR /home/hummingbot
