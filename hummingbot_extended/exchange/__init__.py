"""What Extended is: endpoints, models, signing, REST, streams. No Hummingbot, no server."""
