"""An event-stream reader written line by line from the text of the HTML standard, §9.2.6, to judge the decoder by."""

import re


def interpret(stream: bytes) -> tuple[list[tuple[str, str, str]], str, int | None]:
    """Return the (event, data, id) of every dispatched event, the last event id, and the reconnection time."""
    text = stream.decode("utf-8", "replace")  # "UTF-8 decode" strips one leading byte order mark
    if text.startswith("\ufeff"):
        text = text[1:]
    # Lines end with CRLF, LF or CR; what follows the last line end is no line.
    lines = re.split("\r\n|\n|\r", text)[:-1]
    events = []
    data, event_type, id_buffer, last_event_id = "", "", "", ""
    reconnection_time = None
    for line in lines:
        if line == "":
            last_event_id = id_buffer
            if data == "":
                event_type = ""
                continue
            if data.endswith("\n"):
                data = data[:-1]
            events.append((event_type if event_type != "" else "message", data, last_event_id))
            data, event_type = "", ""
        elif line[0] == ":":
            continue
        else:
            field, value = line, ""
            if ":" in line:
                field, value = line.split(":", 1)
                if value.startswith(" "):
                    value = value[1:]
            if field == "event":
                event_type = value
            elif field == "data":
                data += value + "\n"
            elif field == "id" and "\0" not in value:
                id_buffer = value
            elif field == "retry" and value != "" and set(value) <= set("0123456789"):
                reconnection_time = int(value)
    return events, last_event_id, reconnection_time
