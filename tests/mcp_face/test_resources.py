"""Documents and pages as resources."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mcp.shared.exceptions import MCPError
from tests.inprocess import InProcessServer, Tenant
from tests.mcp_face.speaking import Speaker, speaking

KETTLE = "The warranty of the kettle lasts two years."


def read(speaker: Speaker, uri: str) -> list[Any]:
    """Return the contents of a resource."""
    return list(speaker.portal.call(speaker.client.read_resource, uri).contents)


def test_searchable_documents_of_all_projects_are_listed(speaker: Speaker, tenant: Tenant) -> None:
    """Each is listed with its title, oldest first."""
    made = [
        tenant.ingest_text(tenant.project(name), f"Text of {name}.", title=name)
        for name in ("first", "second")
    ]
    listed = speaker.portal.call(speaker.client.list_resources).resources

    assert [(f"ragline://documents/{each['id']}", each["title"]) for each in made] == [
        (str(resource.uri), resource.title) for resource in listed
    ]


def test_a_cursor_leads_to_the_documents_behind_it(speaker: Speaker, tenant: Tenant) -> None:
    """Listings of many documents go on where they stopped."""
    project = tenant.project()
    made = [tenant.ingest_text(project, f"Text {number}.")["id"] for number in range(3)]

    async def rest() -> list[str]:
        page = await speaker.client.list_resources(cursor=made[0])
        assert page.next_cursor is None
        return [str(resource.uri).rpartition("/")[2] for resource in page.resources]

    assert made[1:] == speaker.portal.call(rest)


def test_a_document_is_read_with_its_first_pages(speaker: Speaker, tenant: Tenant) -> None:
    """What is known of it comes first, then its text."""
    document = tenant.ingest_text(tenant.project(), KETTLE)
    uri = f"ragline://documents/{document['id']}"
    about, page = read(speaker, uri)

    assert (document["id"], 1) == (json.loads(about.text)["id"], json.loads(about.text)["pages"])
    assert (KETTLE, f"{uri}/pages/1", "text/plain") == (page.text, str(page.uri), page.mime_type)


def test_a_page_is_read_by_the_template(speaker: Speaker, tenant: Tenant) -> None:
    """The listed templates lead to documents and pages."""
    document = tenant.ingest_text(tenant.project(), KETTLE)
    listed = speaker.portal.call(speaker.client.list_resource_templates).resource_templates
    templates = {template.name: template.uri_template for template in listed}
    uri = templates["page"].replace("{id}", document["id"]).replace("{n}", "1")

    assert [KETTLE] == [content.text for content in read(speaker, uri)]


@pytest.mark.parametrize(
    "uri",
    [
        "ragline://documents/none",
        "ragline://documents/{id}/pages/2",
        "ragline://documents/{id}/pages/0",
        "ragline://documents/{id}/pages/9999999999",
        "ragline://documents/%00",
        "ragline://jobs/{id}",
        "file:///etc/passwd",
    ],
)
def test_what_is_not_there_is_an_error_that_names_it(
    speaker: Speaker, tenant: Tenant, uri: str
) -> None:
    """The error's data hold the address."""
    document = tenant.ingest_text(tenant.project(), KETTLE)
    uri = uri.replace("{id}", document["id"])
    with pytest.raises(MCPError) as raised:
        read(speaker, uri)

    assert {"uri": uri} == raised.value.data


def test_a_stranger_sees_no_document(server: InProcessServer, tenant: Tenant) -> None:
    """Another tenant's documents are neither listed nor read, nor do they lead a listing."""
    document = tenant.ingest_text(tenant.project(), KETTLE)
    uri = f"ragline://documents/{document['id']}"
    with server.tenant() as other, speaking(server.url, other.key) as stranger:
        listed = stranger.portal.call(stranger.client.list_resources).resources
        for address in (uri, f"{uri}/pages/1"):
            with pytest.raises(MCPError, match="There is no document"):
                read(stranger, address)

        async def behind() -> None:
            await stranger.client.list_resources(cursor=document["id"])

        with pytest.raises(MCPError, match="There is no document"):
            stranger.portal.call(behind)

    assert [] == list(listed)
