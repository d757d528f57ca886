"""The routes of this room."""

from gateway.http.history.compared import compare, compare_query
from gateway.http.history.moments import find, moment
from gateway.http.history.states import state
from gateway.http.history.stories import questions, story
from gateway.http.history.timeline import histories, timeline
from gateway.http.history.what_ifs import ask_what_if, end_what_if, find_what_if
from gateway.http.routing import Route

ROUTES: list[Route] = [
    histories,
    timeline,
    moment,
    find,
    state,
    compare,
    compare_query,
    story,
    questions,
    ask_what_if,
    find_what_if,
    end_what_if,
]
