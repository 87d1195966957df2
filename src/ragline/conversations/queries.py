"""Which projects a question is best asked of, and what they give."""

from __future__ import annotations

from ragline.accounts.ownership import owned_project
from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.chat.question import Question
from ragline.chat.retrieving import living, ranked_by
from ragline.chat.sessions import question_of
from ragline.conversations.agents import owned_agent
from ragline.conversations.schemas import ProjectHit, ProjectScore, QueryAnswer, QueryRequest
from ragline.errors import InvalidInput
from ragline.search.across import best_hits, standings


def route_question(runtime: Runtime, caller: Caller, request: QueryRequest) -> QueryAnswer:
    """Return how near each project is to a question, and the passages of the chosen ones.

    Raises:
        NotFound: there is no such agent, or one of the projects.
        InvalidInput: both an agent and projects are named, or neither.
    """
    question = _question(runtime, caller, request)
    projects = living(runtime, caller.tenant_id, question.projects)
    ranked = ranked_by(runtime, projects, question.text, question, limit=request.limit)
    known = standings(runtime, projects, question.text, ranked)
    chosen = {each.project.id: ranked[each.project.id] for each in known if each.chosen}
    hits = best_hits(runtime, chosen, limit=request.limit)
    return QueryAnswer(
        projects=[
            ProjectScore(
                project_id=each.project.id,
                name=each.project.name,
                score=round(each.score, 6),
                passages=round(each.passages, 6),
                description=round(each.description, 6),
                chosen=each.chosen,
            )
            for each in known
        ],
        hits=[ProjectHit(**hit.model_dump(), project_id=project_id) for project_id, hit in hits],
    )


def _question(runtime: Runtime, caller: Caller, request: QueryRequest) -> Question:
    if (request.agent_id is None) == (request.projects is None):
        raise InvalidInput("Name either an agent (agent_id) or projects.")
    with runtime.database.read() as session:
        if request.agent_id is not None:
            agent = owned_agent(session, caller.tenant_id, request.agent_id)
            return question_of(agent, request.question)
        for project_id in request.projects or ():
            owned_project(session, caller.tenant_id, project_id)
    return Question(request.question, tuple(request.projects or ()))
