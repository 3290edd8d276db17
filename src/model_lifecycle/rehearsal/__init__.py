"""The whole loop, played: live traffic against the real service, watched, judged and acted on."""
