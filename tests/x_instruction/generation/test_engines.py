"""All back ends (transformers, vLLM, an endpoint served by vLLM) behave alike, as tested on one tiny model."""

from __future__ import annotations

import importlib
import pickle
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stages.params import Settings, load_settings
from tests.conftest import LESSONS, ROOT
from tests.vllm_server import served
from x_instruction.generation import open_engine as open_engine_module
from x_instruction.generation.endpoint_client import EndpointClient
from x_instruction.generation.endpoint_engine import NGRAM_PROCESSOR
from x_instruction.generation.interface import Engine, Sampling
from x_instruction.generation.lazy_engine import LazyEngine
from x_instruction.generation.open_engine import open_engine
from x_instruction.generation.served_model import served_name
from x_instruction.generation.settings import Endpoint, TextGeneration
from x_instruction.generation.vllm_engine import VllmEngine
from x_instruction.generation.vllm_rules import NoRepeatNgram
from x_instruction.judging.endpoint_judge import AnswerPair, ask_judge
from x_instruction.judging.settings import Judge
from x_instruction.models.checkpoints import load_model, load_tokenizer, save_model
from x_instruction.models.examples import Example
from x_instruction.models.generation_config import FILE, write_generation_config
from x_instruction.models.prompts import PromptEncoder
from x_instruction.models.published_template import Asking
from x_instruction.models.publishing import write_template
from x_instruction.runner.errors import InputError, SettingsError
from x_instruction.runner.files import read_json, write_json

SETTINGS = load_settings(ROOT / "params.yaml").text_generation
BACKENDS = ("transformers", "vllm", "endpoint")
LOCAL = ("transformers", "vllm")


def text_generation(backend: str, url: str | None = None) -> TextGeneration:
    # Two prompts per batch, so that the results of several batches must be put into order.
    endpoint = Endpoint(url=url, model=url and "tiny")
    return SETTINGS.model_copy(update={"backend": backend, "batch_size": 2, "endpoint": endpoint})


@pytest.fixture(scope="module")
def suggesting_model(taught_model: Path, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`taught_model` with suggested decoding settings, which vLLM's server applies to requests that do not set them.

    The model also has the chat template and the end tokens of a published model.
    """
    folder = tmp_path_factory.mktemp("suggesting_model")
    shutil.copytree(taught_model, folder, dirs_exist_ok=True)
    publish_for_chats(folder, settings)
    suggested = {"do_sample": True, "temperature": 0.1, "top_k": 1, "min_p": 0.9, "repetition_penalty": 5.0}
    write_json(folder / FILE, {**read_json(folder / FILE), **suggested})
    return folder


def publish_for_chats(folder: Path, settings: Settings) -> None:
    """Writes the chat template and the generation config that a published tuned model has."""
    encoder = PromptEncoder(load_tokenizer(folder), settings.prompts)
    write_template(folder, encoder, Asking(settings.prompts.write_response, "instruction", {"style": ""}))
    write_generation_config(folder, encoder.tokenizer, encoder.stop, settings.decoding.model_dump())


@pytest.fixture(scope="module")
def engines(suggesting_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Engine]]:
    """The three engines, each loaded once. The server starts in parallel while vLLM loads in this process."""
    with (
        pytest.MonkeyPatch.context() as patch,
        ExitStack() as stack,
    ):
        # vLLM would compile a small function for the CPU, which takes 30 s and does not change results.
        patch.setenv("TORCHDYNAMO_DISABLE", "1")
        address = stack.enter_context(served(suggesting_model, tmp_path_factory.mktemp("server") / "log"))
        settings = [text_generation(backend) for backend in LOCAL]
        local = [stack.enter_context(open_engine(suggesting_model, one, 1)) for one in settings]
        endpoint = stack.enter_context(open_engine(suggesting_model, text_generation("endpoint", address()), 1))
        yield dict(zip(BACKENDS, [*local, endpoint], strict=True))


@pytest.fixture
def engine(request: pytest.FixtureRequest, engines: dict[str, Engine]) -> Engine:
    return engines[request.param]


@pytest.fixture(scope="module")
def prompts(lessons: list[Example]) -> list[list[int]]:
    return [example.prompt for example in lessons]


@pytest.fixture(scope="module")
def end(taught_model: Path) -> int:
    return int(load_tokenizer(taught_model).eos_token_id)


@pytest.fixture(scope="module")
def labels(taught_model: Path) -> list[int]:
    """The tokens of the first letters of three learned answers."""
    return [load_tokenizer(taught_model)(letter)["input_ids"][0] for letter in "uek"]


def sampling(end: int, *, temperature: float = 0.0, tokens: int = 30, seed: int = 7, **other: Any) -> Sampling:
    return Sampling(temperature, 0.9, tokens, (end,), seed, **other)


each = pytest.mark.parametrize("engine", BACKENDS, indirect=True)
each_local = pytest.mark.parametrize("engine", LOCAL, indirect=True)


@each
def test_texts_are_returned_in_the_order_of_their_prompts(engine: Engine, prompts: list[list[int]], end: int) -> None:
    order = [2, 0, 3, 1, 0]
    texts = engine.generate([prompts[number] for number in order], sampling(end))
    assert [text.text for text in texts] == [list(LESSONS.values())[number] for number in order]


@each
def test_the_stop_token_ends_a_text_and_is_not_in_it(engine: Engine, prompts: list[list[int]], end: int) -> None:
    (text,) = engine.generate(prompts[1:2], sampling(end))
    assert (text.text, text.finish_reason, text.tokens) == ("ein Haus", "stop", len("ein Haus"))


@each
def test_any_token_can_be_the_stop_token(engine: Engine, prompts: list[list[int]], taught_model: Path) -> None:
    comma = load_tokenizer(taught_model)(",")["input_ids"][0]
    (text,) = engine.generate(prompts[:1], sampling(comma))
    assert (text.text, text.finish_reason) == ("uno", "stop")


@each
def test_a_text_without_end_is_cut_at_the_token_limit(engine: Engine, prompts: list[list[int]], end: int) -> None:
    (text,) = engine.generate(prompts[:1], sampling(end, tokens=3))
    assert (text.text, text.finish_reason, text.tokens) == ("uno", "length", 3)


@each
def test_the_same_seed_gives_the_same_texts(engine: Engine, prompts: list[list[int]], end: int) -> None:
    hot = sampling(end, temperature=2.0)
    assert engine.generate(prompts, hot) == engine.generate(prompts, hot)


@each_local
def test_more_prompts_than_fit_into_one_step_get_their_texts(
    engine: Engine, prompts: list[list[int]], end: int
) -> None:
    # vLLM reads a few thousand tokens in one step. Its CPU engine crashed if a prompt was divided between two steps.
    asked = [(prompt * 40)[:90] for prompt in prompts for _ in range(30)]
    texts = engine.generate(asked, sampling(end, temperature=0.7, tokens=2))
    assert len(texts) == len(asked) and sum(map(len, asked)) > 8192


@each
def test_another_seed_gives_different_texts(engine: Engine, prompts: list[list[int]], end: int) -> None:
    first, second = (engine.generate(prompts, sampling(end, temperature=2.0, seed=seed)) for seed in (7, 8))
    assert [text.text for text in first] != [text.text for text in second]


@each
def test_equal_prompts_get_different_samples(engine: Engine, prompts: list[list[int]], end: int) -> None:
    texts = engine.generate(prompts[:1] * 4, sampling(end, temperature=2.0))
    assert len({text.text for text in texts}) > 1


@each
def test_a_stop_string_ends_a_text_and_is_not_in_it(engine: Engine, prompts: list[list[int]], end: int) -> None:
    # The model itself ends the third text, so the texts of a batch end at different positions.
    texts = engine.generate(prompts[:3], sampling(end, stop_strings=(", d", "Hau")))
    assert [(text.text, text.finish_reason) for text in texts] == [
        ("uno", "stop"),
        ("ein", "stop"),
        ("kissa istuu", "stop"),
    ]


@each
def test_candidates_of_a_prompt_follow_each_other(engine: Engine, prompts: list[list[int]], end: int) -> None:
    texts = engine.generate(prompts[:2], sampling(end, candidates=3))
    assert [text.text for text in texts] == ["uno, dos, tres"] * 3 + ["ein Haus"] * 3


@each
def test_candidates_of_a_prompt_are_different_samples(engine: Engine, prompts: list[list[int]], end: int) -> None:
    texts = engine.generate(prompts[:2], sampling(end, temperature=2.0, candidates=4))
    assert len({text.text for text in texts[:4]}) > 1 and len({text.text for text in texts[4:]}) > 1


@each
def test_a_repetition_penalty_changes_a_repetitive_text(engine: Engine, prompts: list[list[int]], end: int) -> None:
    free, ruled = (
        engine.generate(prompts[3:], sampling(end, repetition_penalty=penalty))[0].text for penalty in (1.0, 5.0)
    )
    assert free == "na na na na na na na na" and ruled.count("na") < 3


@each
def test_label_probabilities_sum_to_one(engine: Engine, prompts: list[list[int]], labels: list[int]) -> None:
    rows = engine.score(prompts, labels)
    assert [len(row) for row in rows] == [3] * len(prompts)
    assert [sum(row) for row in rows] == pytest.approx([1.0] * len(prompts), abs=1e-5)


@each
def test_the_likeliest_label_is_the_learned_answer(engine: Engine, prompts: list[list[int]], labels: list[int]) -> None:
    rows = engine.score(prompts[:3], labels)
    assert [row.index(max(row)) for row in rows] == [0, 1, 2]


@each
def test_no_ngram_occurs_twice(engine: Engine, prompts: list[list[int]], end: int) -> None:
    free, ruled = (engine.generate(prompts[3:], sampling(end, no_repeat_ngram=ngram))[0].text for ngram in (0, 4))
    assert repeated(free, 4) and not repeated(ruled, 4)


def repeated(text: str, size: int) -> list[str]:
    """The n-grams of characters (each is a token here) that occur more than once."""
    runs = [text[start : start + size] for start in range(len(text) - size + 1)]
    return [run for run in runs if runs.count(run) > 1 and "\ufffd" not in run]


def test_a_prompt_beyond_the_context_is_refused_before_a_model_is_loaded(taught_model: Path, end: int) -> None:
    settings = text_generation("transformers").model_copy(update={"max_model_length": 40})
    with LazyEngine(taught_model, settings, 1) as lazy:
        assert (lazy.context, lazy.room(30)) == (40, 10)
        with pytest.raises(InputError, match="a prompt of 11 tokens and 30 new tokens exceed the context of 40"):
            lazy.generate([[5] * 11], sampling(end, tokens=30))
        assert lazy.facts() == {"prompts": 0}


def test_nan_is_refused_before_it_becomes_a_rating(
    taught_model: Path, tmp_path: Path, prompts: list[list[int]]
) -> None:
    broken = load_model(taught_model)
    # The weights are finite, as a checkpoint must be, but the logits overflow.
    broken.model.norm.weight.data.fill_(3e38)
    save_model(broken, load_tokenizer(taught_model), tmp_path)
    with LazyEngine(tmp_path, text_generation("transformers"), 1) as lazy:
        with pytest.raises(InputError, match=f"NaN or infinity for {len(prompts)} of {len(prompts)} prompts"):
            lazy.score(prompts, [1, 2, 3])
        with pytest.raises(InputError, match=f"NaN or infinity for {len(prompts)} of {len(prompts)} prompts"):
            lazy.likelihood(prompts, [[5]] * len(prompts))


def test_the_run_log_names_the_engine_and_its_speed(taught_model: Path, prompts: list[list[int]], end: int) -> None:
    with LazyEngine(taught_model, text_generation("transformers"), 1) as lazy:
        texts = lazy.generate(prompts, sampling(end))
        facts = lazy.facts()
    assert (facts["prompts"], facts["prompt_tokens"]) == (len(prompts), sum(map(len, prompts)))
    assert facts["generated_tokens"] == sum(text.tokens for text in texts)
    assert facts["engine"] == "transformers" and str(facts["engine_version"]).startswith("transformers ")


def test_a_worker_process_has_one_engine_for_all_its_shards(taught_model: Path) -> None:
    with LazyEngine(taught_model, text_generation("transformers"), 1) as lazy:
        first, second = (pickle.loads(pickle.dumps(lazy)) for _ in range(2))
        other = pickle.loads(pickle.dumps(LazyEngine(taught_model, text_generation("vllm"), 1)))
    assert first is second is not lazy and first is not other


def test_an_unknown_quantization_is_refused_in_one_sentence(taught_model: Path) -> None:
    vllm = SETTINGS.vllm.model_copy(update={"quantization": "half_of_it"})
    settings = text_generation("vllm").model_copy(update={"vllm": vllm})
    with pytest.raises(SettingsError, match=r"vLLM refuses .* with these settings: .*half_of_it"):
        VllmEngine(taught_model, settings, 1)


def test_the_documented_name_of_the_ngram_rule_can_be_imported() -> None:
    module, name = NGRAM_PROCESSOR.split(":")
    assert getattr(importlib.import_module(module), name) is NoRepeatNgram


@pytest.mark.parametrize(
    ("ids", "kept"), [([1, 2, 3, 1, 2], True), ([1, 2, 3, 1, 2, 3], False), ([1, 2], True), (None, False)]
)
def test_an_endpoint_without_the_ngram_rule_is_refused(
    ids: list[int] | None, kept: bool, engines: dict[str, Engine], end: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine: Any = engines["endpoint"]
    choice = SimpleNamespace(text="a", token_ids=ids, finish_reason="stop")
    monkeypatch.setattr(engine.client, "complete", lambda _, read, **__: [read(choice)])
    ruled, free = sampling(end, no_repeat_ngram=3), sampling(end)
    assert engine.generate([[5]], free)[0].text == "a"
    if kept:
        assert engine.generate([[5]], ruled)[0].tokens == len(ids or [])
    else:
        with pytest.raises(InputError, match=r"does not follow the rule no_repeat_ngram \(3\): .*NoRepeatNgram"):
            engine.generate([[5]], ruled)


@each
def test_a_text_may_repeat_its_prompt(
    engine: Engine, prompts: list[list[int]], lessons: list[Example], end: int
) -> None:
    begun = [*prompts[3], *lessons[3].completion[:12]]  # the prompt has four of the answer's eight "na"
    free, ruled = (engine.generate([begun], sampling(end, no_repeat_ngram=ngram))[0].text for ngram in (0, 10))
    assert ruled == free == "na na na na"


@each
def test_a_stop_string_does_not_begin_in_the_prompt(
    engine: Engine, prompts: list[list[int]], lessons: list[Example], end: int
) -> None:
    begun = [*prompts[0], *lessons[0].completion[:2]]  # the prompt ends after "un" of "uno, dos, tres"
    texts = engine.generate([begun, prompts[1]], sampling(end, stop_strings=("no",)))
    assert [(text.text, text.tokens, text.finish_reason) for text in texts] == [
        ("o, dos, tres", 12, "stop"),
        ("ein Haus", 8, "stop"),
    ]


def test_padding_is_not_penalised_as_a_repeated_token(
    engines: dict[str, Engine], prompts: list[list[int]], end: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine: Any = engines["transformers"]
    monkeypatch.setattr(engine, "pad", end)  # as with a tokenizer that has no pad token
    penalized = sampling(end, repetition_penalty=1.5)
    (alone,) = engine.generate(prompts[1:2], penalized)
    assert engine.generate([prompts[1], prompts[0] * 3], penalized)[0] == alone


@pytest.mark.parametrize("other", ["vllm", "endpoint"])
def test_label_probabilities_agree_with_transformers(
    other: str, engines: dict[str, Engine], prompts: list[list[int]], labels: list[int]
) -> None:
    # After shortened prompts the model is uncertain, so that a difference between engines would be visible.
    asked = [*prompts, *(prompt[:cut] for prompt in prompts for cut in (2, 3))]
    ours, theirs = (engines[name].score(asked, labels) for name in ("transformers", other))
    largest = max(abs(a - b) for row, same in zip(ours, theirs, strict=True) for a, b in zip(row, same, strict=True))
    assert largest < 0.01


@pytest.mark.parametrize("other", ["vllm", "endpoint"])
def test_greedy_texts_agree_with_transformers(
    other: str, engines: dict[str, Engine], prompts: list[list[int]], end: int
) -> None:
    asked = [prompt[:cut] for prompt in prompts for cut in (2, 3, len(prompt))]
    ours, theirs = (
        [text.text for text in engines[name].generate(asked, sampling(end))] for name in ("transformers", other)
    )
    assert sum(a == b for a, b in zip(ours, theirs, strict=True)) >= 0.75 * len(asked)


@each
def test_a_learned_answer_is_likelier_than_another(engine: Engine, lessons: list[Example]) -> None:
    prompt, completions = lessons[1].prompt, [example.completion for example in lessons]
    likelihoods = engine.likelihood([prompt] * len(completions), completions)
    assert max(likelihoods) == likelihoods[1] > -0.1
    assert all(other < -1 for number, other in enumerate(likelihoods) if number != 1)


@each
def test_a_likelihood_is_the_mean_over_the_tokens(engine: Engine, lessons: list[Example]) -> None:
    prompt, completion = lessons[0].prompt, lessons[1].completion
    parts = [[*prompt, *completion[:place]] for place in range(len(completion))]
    whole, *each = engine.likelihood([prompt, *parts], [completion, *([token] for token in completion)])
    assert whole == pytest.approx(sum(each) / len(each), abs=1e-3)


@pytest.mark.parametrize("other", ["vllm", "endpoint"])
def test_likelihoods_agree_with_transformers(other: str, engines: dict[str, Engine], lessons: list[Example]) -> None:
    prompts = [one.prompt for one in lessons for _ in lessons]
    completions = [one.completion for _ in lessons for one in lessons]
    ours, theirs = (engines[name].likelihood(prompts, completions) for name in ("transformers", other))
    assert ours == pytest.approx(theirs, abs=1e-3)


def server_settings(engines: dict[str, Engine], **endpoint: Any) -> TextGeneration:
    """The settings for the running server, with changed fields of `endpoint`."""
    settings: TextGeneration = engines["endpoint"].settings  # type: ignore[attr-defined]
    return settings.model_copy(update={"endpoint": settings.endpoint.model_copy(update=endpoint)})


CALLS: dict[str, Callable[[Engine, list[list[int]], int], object]] = {
    "generate": lambda engine, prompts, end: engine.generate(prompts, sampling(end)),
    "score": lambda engine, prompts, end: engine.score(prompts, [end, end + 1]),
    "likelihood": lambda engine, prompts, end: engine.likelihood(prompts, prompts),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_server_with_other_weights_than_the_folder_is_refused(
    call: str, engines: dict[str, Engine], tiny_model: Path, prompts: list[list[int]], end: int
) -> None:
    with (
        open_engine(tiny_model, server_settings(engines), 1) as engine,
        pytest.raises(InputError, match=r"serves another model as 'tiny' than .* on average, and the limit is 0\.05"),
    ):
        CALLS[call](engine, prompts, end)


@pytest.mark.parametrize("call", CALLS)
def test_the_allowed_difference_of_a_server_is_a_setting(
    call: str, engines: dict[str, Engine], tiny_model: Path, prompts: list[list[int]], end: int
) -> None:
    for limit in (None, 100.0):
        with open_engine(tiny_model, server_settings(engines, max_difference=limit), 1) as engine:
            assert CALLS[call](engine, prompts, end) == CALLS[call](engines["endpoint"], prompts, end)


def test_a_server_is_compared_once(
    engines: dict[str, Engine], taught_model: Path, prompts: list[list[int]], end: int
) -> None:
    with open_engine(taught_model, server_settings(engines), 1) as engine:
        counts = []
        for _ in range(2):
            engine.generate(prompts[:1], sampling(end))
            counts.append(engine.facts()["endpoint_requests"])
    # Two requests (for a text and its likelihood) compare the server with the local model, and each text needs one.
    assert counts == [3, 4]


def test_a_server_is_asked_for_the_model_named_after_the_artifact(
    engines: dict[str, Engine], taught_model: Path, prompts: list[list[int]], end: int, tmp_path: Path
) -> None:
    folder = shutil.copytree(taught_model, tmp_path / "iteration_1")
    write_json(folder / "manifest.json", {"artifact": "evaluator", "partition": "iteration_1", "content": "c"})
    settings = server_settings(engines, model="mine/{model}")
    with LazyEngine(folder, settings, 1) as engine:
        assert engine.provenance()["engine_version"].startswith("mine/evaluator/iteration_1 at http://")
        with pytest.raises(InputError, match=r"The model `mine/evaluator/iteration_1` does not exist"):
            engine.generate(prompts, sampling(end))


@pytest.mark.parametrize(
    ("made", "name"),
    [
        ({"artifact": "instruction_model", "partition": ""}, "instruction_model"),
        ({"artifact": "response_model", "partition": "iteration_2"}, "response_model/iteration_2"),
        (None, "folder"),
    ],
)
def test_a_model_is_named_by_its_manifest(made: dict[str, str] | None, name: str, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    if made:
        write_json(folder / "manifest.json", made)
    settings = text_generation("endpoint", "http://127.0.0.1:9/v1")
    for pattern, expected in (("{model}", name), ("x/{model}", f"x/{name}"), ("fixed", "fixed")):
        endpoint = settings.endpoint.model_copy(update={"model": pattern})
        assert served_name(folder, settings.model_copy(update={"endpoint": endpoint})) == expected


def test_the_type_of_the_weights_is_recorded(
    taught_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "half"
    save_model(load_model(taught_model, dtype="float16"), load_tokenizer(taught_model), folder)
    for fast, expected in ((None, "float16"), ("float32", "float32")):
        monkeypatch.setattr(open_engine_module, "inference_dtype", lambda fast=fast: fast)
        for backend in LOCAL:
            assert open_engine_module.backend_facts(folder, text_generation(backend))["dtype"] == expected
    one = text_generation("vllm")
    for model, asked, expected in (
        (folder, "bfloat16", "bfloat16"),
        (folder, "auto", "float16"),
        (taught_model, "auto", "bfloat16"),
    ):
        chosen = one.model_copy(update={"vllm": one.vllm.model_copy(update={"dtype": asked})})
        assert open_engine_module.backend_facts(model, chosen)["dtype"] == expected


def test_a_newly_trained_model_runs_in_this_process() -> None:
    served = text_generation("endpoint", "http://127.0.0.1:9/v1")
    assert [text_generation(one).local.backend for one in LOCAL] == list(LOCAL)
    assert served.local.backend == "transformers"


def test_a_stage_with_several_models_needs_an_endpoint_that_knows_them_by_name() -> None:
    one = text_generation("endpoint", "http://127.0.0.1:9/v1")
    assert one.of_several.backend == "transformers"
    named = one.model_copy(update={"endpoint": one.endpoint.model_copy(update={"model": "x/{model}"})})
    assert named.of_several.backend == "endpoint"
    assert [text_generation(name).of_several.backend for name in LOCAL] == list(LOCAL)


CHATS: list[tuple[str, dict[str, str]]] = [
    ("one", {}),
    ("two", {}),
    ("one", {"language": "Finnish"}),
    ("three", {"language": "Urdu", "style": " in verse"}),
]


def chats_of_transformers(folder: Path, messages: Any, arguments: dict[str, str]) -> list[list[int]]:
    """The tokens that transformers generates in two ways: by a pipeline, and from `apply_chat_template`'s prompt."""
    from transformers import AutoModelForCausalLM, AutoTokenizer, pipeline

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype="float32")
    greedy: dict[str, Any] = {"do_sample": False, "max_new_tokens": 30, "repetition_penalty": 1.0}
    prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", **arguments)
    (whole,) = model.generate(**prompt, **greedy).tolist()
    chat = pipeline("text-generation", model=model, tokenizer=tokenizer)
    (piped,) = chat(messages, return_tensors=True, tokenizer_encode_kwargs=arguments, **greedy)
    width = prompt["input_ids"].shape[1]
    return [whole[width:], piped["generated_token_ids"][width:]]


@pytest.mark.parametrize(("question", "arguments"), CHATS)
def test_all_readers_of_the_template_generate_the_same_tokens(
    engines: dict[str, Engine],
    suggesting_model: Path,
    settings: Settings,
    end: int,
    question: str,
    arguments: dict[str, str],
) -> None:
    from openai import OpenAI
    from vllm import SamplingParams

    vllm, endpoint = engines["vllm"], engines["endpoint"]
    messages: Any = [{"role": "user", "content": question}]
    greedy = SamplingParams(temperature=0.0, max_tokens=30)
    (output,) = vllm.llm.chat(messages, greedy, chat_template_kwargs=arguments, use_tqdm=False)  # type: ignore[attr-defined]
    client = OpenAI(base_url=endpoint.settings.endpoint.url, api_key="none")  # type: ignore[attr-defined]
    body = {"repetition_penalty": 1.0, "top_k": 0, "min_p": 0.0, "return_token_ids": True}
    answer: Any = client.chat.completions.create(
        model="tiny",
        messages=messages,
        temperature=0.0,
        top_p=1.0,
        max_tokens=30,
        extra_body={**body, "chat_template_kwargs": arguments},
    )
    served = answer.choices[0]
    first, *others = [
        list(output.outputs[0].token_ids),
        served.token_ids,
        *chats_of_transformers(suggesting_model, messages, arguments),
    ]
    assert others == [first] * 3
    if arguments:
        encoder = PromptEncoder(load_tokenizer(suggesting_model), settings.prompts)
        prompt = encoder.write_response(question, arguments["language"], arguments.get("style", ""))
        assert list(output.prompt_token_ids) == prompt == answer.prompt_token_ids
    else:
        # Every engine stops at the end token that the model learned.
        assert (first[-1], output.outputs[0].text, served.message.content) == (end, *[LESSONS[question]] * 2)


def test_vllm_takes_the_decoding_settings_from_a_published_model(
    taught_model: Path, settings: Settings, tmp_path: Path
) -> None:
    from vllm.config import ModelConfig

    folder = shutil.copytree(taught_model, tmp_path / "model")
    publish_for_chats(folder, settings)
    found = ModelConfig(model=str(folder)).get_diff_sampling_param()
    decoding = settings.decoding
    assert found == {
        "temperature": decoding.temperature,
        "top_p": decoding.top_p,
        "top_k": 0,
        "max_tokens": decoding.max_new_tokens,
        "repetition_penalty": decoding.repetition_penalty,
    }


def test_the_number_of_logits_in_memory_is_limited(
    engines: dict[str, Engine], lessons: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine: Any = engines["transformers"]
    prompts = [one.prompt for one in lessons for _ in lessons]
    completions = [one.completion for _ in lessons for one in lessons]
    whole, held = engine.likelihood(prompts, completions), []
    longest = (max(map(len, completions)) + 1) * engine.reader.vocabulary
    monkeypatch.setattr(engine, "batch_size", len(completions))
    monkeypatch.setattr(engine.reader, "most_logits", 3 * longest)
    forward = engine.model.forward

    def watched(*arguments: Any, **named: Any) -> Any:
        output = forward(*arguments, **named)
        held.append(output.logits.numel())
        return output

    monkeypatch.setattr(engine.model, "forward", watched)
    assert engine.likelihood(prompts, completions) == pytest.approx(whole, abs=1e-5)
    assert len(held) > 1 and max(held) <= 3 * longest
    # The limit is less than one completion needs, so completions are read one by one.
    monkeypatch.setattr(engine.reader, "most_logits", engine.reader.vocabulary)
    assert engine.likelihood(prompts, completions) == pytest.approx(whole, abs=1e-5)


def test_a_judge_reads_the_label_probabilities_of_a_served_chat_model(engines: dict[str, Engine]) -> None:
    """The model has learned to continue "two" with "ein Haus", so its verdict is the label `e` in both orders."""
    endpoint = server_settings(engines).endpoint
    judge = Judge(
        name="served",
        endpoint=endpoint,
        prompt="{language}{answer_1}{answer_2}{instruction}",
        labels=("e", "u", "k"),
    )
    (found,) = ask_judge(judge, EndpointClient(endpoint), [AnswerPair("", "two", "", "")])
    assert found.failure == "" and found.shown_first == pytest.approx(1, abs=0.1)
    assert found.shown_second == pytest.approx(-1, abs=0.1)
