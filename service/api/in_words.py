"""What a kept judgement's score says, in sentences, for who asks why."""

from __future__ import annotations

from service.store.engine import Row

REPORTED_ONLY = "合并值按约定权重算出，仅供参考，不改变级别"


def with_words(judgement: Row) -> Row:
    """A kept judgement with `in_words`: Chinese sentences on rules and model alone and together, and on the prior.

    Each is null where there is nothing to say: no probability, or judged before this was kept.
    """
    score = judgement["score"]
    return {**judgement, "in_words": {"pooled": _pooled(score), "prior": _prior(score)}}


def _pooled(score: Row) -> str | None:
    pooled = score.get("pooled")
    if not pooled:
        return None
    alone = f"规则单独 {pooled['rules']:.0%}，模型单独 {score['probability']:.0%}"
    return f"{alone}，合并 {pooled['both']:.0%}（{REPORTED_ONLY}；权重 {pooled['version']}）"


def _prior(score: Row) -> str | None:
    share = score.get("prior_share")
    if share is None:
        return None
    if share == 1:
        return "评分全部来自先验：模型只用模拟数据训练，还没有真实结果参与"
    return f"评分约 {share:.0%} 来自先验，其余来自真实结果"
