import pytest

pytest.register_assert_rewrite("test.hummingbot_api.cases")  # by its name no test module, whose asserts would be mute
