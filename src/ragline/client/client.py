"""The two clients: every call of the HTTP contract under one name, for both of them."""

from __future__ import annotations

from ragline.client.async_connection import AsyncConnection
from ragline.client.calls import bibliographies as bibliography_calls
from ragline.client.calls import conversations as conversation_calls
from ragline.client.calls import documents as document_calls
from ragline.client.calls import events as event_calls
from ragline.client.calls import images as image_calls
from ragline.client.calls import imports as import_calls
from ragline.client.calls import indexes as index_calls
from ragline.client.calls import jobs as job_calls
from ragline.client.calls import operations as operation_calls
from ragline.client.calls import projects as project_calls
from ragline.client.calls import questions as question_calls
from ragline.client.calls import uploads as upload_calls
from ragline.client.calls import webhooks as webhook_calls
from ragline.client.calls import zotero as zotero_calls
from ragline.client.connection import Connection
from ragline.client.methods import Call, Many


class Calls:
    """The methods of both clients; `Call` has one result, `Many` gives them one by one.

    Every method raises `ClientProblem` where the server refuses and `ServerUnreachable`
    where it does not answer. A request is sent again, after a pause, where the server is
    overloaded or away and doing so cannot do twice what was asked for once.
    """

    # Projects
    projects = Many(project_calls.projects)
    project = Call(project_calls.project)
    project_named = Call(project_calls.project_named)
    create_project = Call(project_calls.create_project)
    get_or_create_project = Call(project_calls.get_or_create_project)
    change_project = Call(project_calls.change_project)
    delete_project = Call(project_calls.delete_project)
    project_statistics = Call(project_calls.project_statistics)
    project_indexes = Call(index_calls.project_indexes)
    reembed = Call(index_calls.reembed)
    roll_back_reembedding = Call(index_calls.roll_back_reembedding)
    remove_previous_index = Call(index_calls.remove_previous_index)

    # Documents
    upload = Call(upload_calls.upload)
    upload_all = Many(upload_calls.upload_all)
    add_text = Call(upload_calls.add_text)
    documents = Many(document_calls.documents)
    document = Call(document_calls.document)
    pages = Many(document_calls.pages)
    chunks = Many(document_calls.chunks)
    file = Call(document_calls.file)
    download = Call(document_calls.download)
    change_document = Call(document_calls.change_document)
    delete_document = Call(document_calls.delete_document)

    # Imports
    import_files = Call(import_calls.import_files)
    import_folder = Call(import_calls.import_folder)
    preview_import = Call(import_calls.preview_import)

    # Libraries of Zotero
    zotero_libraries = Call(zotero_calls.zotero_libraries)
    zotero_library = Call(zotero_calls.zotero_library)
    connect_zotero = Call(zotero_calls.connect_zotero)
    change_zotero = Call(zotero_calls.change_zotero)
    disconnect_zotero = Call(zotero_calls.disconnect_zotero)
    sync_zotero = Call(zotero_calls.sync_zotero)
    write_notes = Call(zotero_calls.write_notes)
    preview_notes = Call(zotero_calls.preview_notes)
    notes = Many(zotero_calls.notes)
    note = Call(zotero_calls.note)

    # Product images
    send_product = Call(image_calls.send_product)
    products = Many(image_calls.products)
    product = Call(image_calls.product)
    product_picture = Call(image_calls.product_picture)
    product_thumbnail = Call(image_calls.product_thumbnail)
    search_products = Call(image_calls.search_products)
    delete_product = Call(image_calls.delete_product)
    reindex_products = Call(image_calls.reindex_products)

    # Questions
    search = Call(question_calls.search)
    chat = Call(question_calls.chat)
    chat_job = Call(question_calls.chat_job)
    chat_stream = Many(question_calls.chat_stream)

    # Bibliographies
    bibliography = Call(bibliography_calls.bibliography)
    job_bibliography = Call(bibliography_calls.job_bibliography)
    message_bibliography = Call(bibliography_calls.message_bibliography)

    # Conversations
    agents = Many(conversation_calls.agents)
    agent = Call(conversation_calls.agent)
    create_agent = Call(conversation_calls.create_agent)
    change_agent = Call(conversation_calls.change_agent)
    delete_agent = Call(conversation_calls.delete_agent)
    pairs = Many(conversation_calls.pairs)
    create_pair = Call(conversation_calls.create_pair)
    delete_pair = Call(conversation_calls.delete_pair)
    shares = Many(conversation_calls.shares)
    create_share = Call(conversation_calls.create_share)
    revoke_share = Call(conversation_calls.revoke_share)
    sessions = Many(conversation_calls.sessions)
    session = Call(conversation_calls.session)
    create_session = Call(conversation_calls.create_session)
    delete_session = Call(conversation_calls.delete_session)
    messages = Many(conversation_calls.messages)
    send_message = Call(conversation_calls.send_message)
    stream_message = Many(conversation_calls.stream_message)
    message = Call(conversation_calls.message)
    retry_message = Call(conversation_calls.retry_message)
    cancel_message = Call(conversation_calls.cancel_message)
    message_events = Many(conversation_calls.message_events)
    route_question = Call(conversation_calls.route_question)

    # Jobs and queues
    jobs = Many(job_calls.jobs)
    job = Call(job_calls.job)
    wait_for = Many(job_calls.wait_for)
    wait_until_ended = Call(job_calls.wait_until_ended)
    cancel = Call(job_calls.cancel)
    retry = Call(job_calls.retry)
    retry_jobs = Call(job_calls.retry_jobs)
    dismiss = Call(job_calls.dismiss)
    events = Many(event_calls.events)
    project_events = Many(event_calls.project_events)
    queues = Call(job_calls.queues)
    own_queues = Call(job_calls.own_queues)
    all_queues = Call(job_calls.all_queues)
    pause_queue = Call(job_calls.pause_queue)
    resume_queue = Call(job_calls.resume_queue)

    # Webhooks
    webhooks = Many(webhook_calls.webhooks)
    webhook = Call(webhook_calls.webhook)
    create_webhook = Call(webhook_calls.create_webhook)
    change_webhook = Call(webhook_calls.change_webhook)
    delete_webhook = Call(webhook_calls.delete_webhook)
    rotate_webhook = Call(webhook_calls.rotate_webhook)
    test_webhook = Call(webhook_calls.test_webhook)
    deliveries = Many(webhook_calls.deliveries)
    replay_delivery = Call(webhook_calls.replay_delivery)

    # Operating a server
    keys = Call(operation_calls.keys)
    create_key = Call(operation_calls.create_key)
    revoke_key = Call(operation_calls.revoke_key)
    create_tenant = Call(operation_calls.create_tenant)
    clean_up = Call(operation_calls.clean_up)
    preview_cleanup = Call(operation_calls.preview_cleanup)
    doctor = Call(index_calls.doctor)
    repair = Call(index_calls.repair)
    live = Call(operation_calls.live)
    ready = Call(operation_calls.ready)
    metrics = Call(operation_calls.metrics)


class Client(Connection, Calls):
    """A connection to a server, with the key of one tenant; use it as a context manager.

    It may be shared between threads. The methods are those of `Calls`.
    """


class AsyncClient(AsyncConnection, Calls):
    """A connection to a server for event loops; use it with `async with`.

    It has the methods of `Client`: await those with one result, and go through the others
    with `async for`.
    """
