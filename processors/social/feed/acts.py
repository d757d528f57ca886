"""What people of a flow do: each act gives the commands that they send, one after the other.

An act that finds nothing to do gives none. Some acts are mistakes, which the rules reject.
"""

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from log.envelope import Command
from processors.social.feed.commands import (
    ApproveFollow,
    Block,
    ChangeProfile,
    DeclineFollow,
    DeletePost,
    EditPost,
    Follow,
    LikePost,
    Limits,
    Mute,
    PostKind,
    RegisterAccount,
    SetLimits,
    SetPrivate,
    Unblock,
    Unfollow,
    UnlikePost,
    Unmute,
    Visit,
    WithdrawFollow,
    WritePost,
)
from processors.social.feed.crowd import Crowd
from processors.social.feed.terms import DAY_MS, HOUR_MS, FanoutMode

Act = Callable[[Crowd], Iterable[Command]]

LIMITS: Final = Limits(
    text_length_max=280,
    posts_per_hour_max=8,
    follows_per_day_max=6,
    following_max=40,
    follow_requests_max=2,
    edits_max=2,
    blocks_max=4,
    hashtags_max=5,
    mentions_max=5,
    inactive_after_ms=2 * DAY_MS,
    pull_at_followers=5,
    push_below_followers=4,
)
"""Small, so that a small network comes to all of them."""
GROWN: Final = {
    "inactive_after_ms": 7 * DAY_MS,
    "pull_at_followers": 12,
    "push_below_followers": 9,
}
"""What is changed of them after a while."""


def join(crowd: Crowd) -> Iterable[Command]:
    """A newcomer follows a few whom many follow."""
    author = crowd.new_name()
    private = crowd.draw.random() < 0.15
    yield RegisterAccount(author=author, name=author.capitalize(), private=private)
    for _ in range(crowd.draw.randrange(4) if crowd.names else 0):
        yield Follow(author=crowd.someone_known(), follower=author)


def visit(crowd: Crowd) -> Iterable[Command]:
    yield Visit(author=crowd.someone())


def post(crowd: Crowd) -> Iterable[Command]:
    author = crowd.someone()
    media = (f"photo-{crowd.draw.randrange(10**6)}",) if crowd.draw.random() < 0.2 else ()
    yield WritePost(author=author, text=crowd.sentence(author), media=media)


def repeat(crowd: Crowd) -> Iterable[Command]:
    """Sent twice, as by a button that did not seem to work."""
    author = crowd.someone()
    text = crowd.sentence(author)
    yield WritePost(author=author, text=text)
    yield WritePost(author=author, text=text)


def rant(crowd: Crowd) -> Iterable[Command]:
    author = crowd.someone()
    for _ in range(LIMITS.posts_per_hour_max + 1):
        yield WritePost(author=author, text=crowd.sentence(author))


def answer(kind: PostKind) -> Act:
    """A reply, a repost or a quote."""

    def act(crowd: Crowd) -> Iterable[Command]:
        author = crowd.someone()
        parent = crowd.recent_post(author)
        if parent is not None:
            text = "" if kind is PostKind.REPOST else crowd.sentence(author)
            yield WritePost(
                author=author, kind=kind, text=text, parent_author=parent[0], parent_id=parent[1]
            )

    return act


def like(crowd: Crowd) -> Iterable[Command]:
    by = crowd.someone()
    post = crowd.recent_post(by)
    if post is not None:
        yield LikePost(author=post[0], post_id=post[1], by=by)


def unlike(crowd: Crowd) -> Iterable[Command]:
    for author, post_id in reversed(crowd.recent):
        post = crowd.state.accounts[author].posts.get(post_id)
        by = crowd.someone_of(post.likes) if post else None
        if by is not None:
            yield UnlikePost(author=author, post_id=post_id, by=by)
            return


def edit(crowd: Crowd) -> Iterable[Command]:
    """Once, or as often as allowed and once more."""
    for author, post_id in list(crowd.recent)[-1:]:
        for _ in range(crowd.draw.randrange(1, LIMITS.edits_max + 2)):
            yield EditPost(author=author, post_id=post_id, text=crowd.sentence(author))


def delete(crowd: Crowd) -> Iterable[Command]:
    author = crowd.someone()
    post_id = crowd.own_post(author)
    if post_id is not None:
        yield DeletePost(author=author, post_id=post_id)


def delete_at_once(crowd: Crowd) -> Iterable[Command]:
    """Of what was just answered: the answer and the deletion may cross."""
    by = crowd.someone()
    post = crowd.recent_post(by)
    if post is not None:
        yield WritePost(
            author=by,
            kind=PostKind.REPLY,
            text=crowd.sentence(by),
            parent_author=post[0],
            parent_id=post[1],
        )
        yield DeletePost(author=post[0], post_id=post[1])


def follow(crowd: Crowd) -> Iterable[Command]:
    yield Follow(author=crowd.someone_known(), follower=crowd.someone())


def fame(crowd: Crowd) -> Iterable[Command]:
    """Some follow one together."""
    author = crowd.someone_of([name for name in crowd.names if _is_open(crowd, name)])
    if author is not None:
        for follower in crowd.draw.sample(crowd.names, 7):
            yield Follow(author=author, follower=follower)


def _is_open(crowd: Crowd, name: str) -> bool:
    account = crowd.state.accounts[name]
    return not account.private and account.mode is FanoutMode.PUSH


def spree(crowd: Crowd) -> Iterable[Command]:
    """One who follows more than is allowed."""
    follower = crowd.someone()
    following = crowd.state.accounts[follower].following
    others = [name for name in crowd.names[:100] if name != follower and name not in following]
    for author in others[: LIMITS.follows_per_day_max + 1]:
        yield Follow(author=author, follower=follower)


def unfollow(crowd: Crowd) -> Iterable[Command]:
    author = crowd.someone_known()
    follower = crowd.someone_of(crowd.state.accounts[author].followers)
    if follower is not None:
        yield Unfollow(author=author, follower=follower)


def quarrel(crowd: Crowd) -> Iterable[Command]:
    """Some of those who follow one leave him together."""
    author = crowd.someone_known()
    for follower in list(crowd.state.accounts[author].followers)[-4:]:
        yield Unfollow(author=author, follower=follower)


def answer_request(crowd: Crowd) -> Iterable[Command]:
    private = [name for name in crowd.names[:100] if crowd.state.accounts[name].requests]
    author = crowd.someone_of(private)
    if author is not None:
        asked = list(crowd.state.accounts[author].requests)
        kind = crowd.draw.choice((ApproveFollow, ApproveFollow, DeclineFollow, WithdrawFollow))
        yield kind(author=author, follower=crowd.draw.choice(asked))


def block(crowd: Crowd) -> Iterable[Command]:
    """At times, the one who follows; and then they try to talk."""
    author = crowd.someone()
    blocked = crowd.someone_of(crowd.state.accounts[author].followers) or crowd.someone()
    yield Block(author=author, blocked=blocked)
    post_id = crowd.own_post(author)
    if post_id is not None:
        yield LikePost(author=author, post_id=post_id, by=blocked)
        yield WritePost(
            author=blocked,
            kind=PostKind.REPLY,
            text=crowd.sentence(blocked),
            parent_author=author,
            parent_id=post_id,
        )
    yield Follow(author=author, follower=blocked)


def unblock(crowd: Crowd) -> Iterable[Command]:
    some = [name for name in crowd.names[:100] if crowd.state.accounts[name].blocks]
    author = crowd.someone_of(some)
    if author is not None:
        blocks = list(crowd.state.accounts[author].blocks)
        yield Unblock(author=author, blocked=crowd.draw.choice(blocks))


def mute(crowd: Crowd) -> Iterable[Command]:
    author = crowd.someone()
    yield Mute(author=author, muted=crowd.someone_known())
    muted = crowd.someone_of(crowd.state.accounts[author].mutes)
    if muted is not None:
        yield Unmute(author=author, muted=muted)


def change_account(crowd: Crowd) -> Iterable[Command]:
    author = crowd.someone()
    yield ChangeProfile(author=author, name=author.upper(), bio=crowd.sentence(author))
    private = crowd.state.accounts[author].private
    if private or crowd.draw.random() < 0.5:
        yield SetPrivate(author=author, private=not private)


def holiday(crowd: Crowd) -> Iterable[Command]:
    """Nobody is there; and those who do not come back before the next one become inactive."""
    crowd.now += 30 * HOUR_MS
    return ()


def grow(crowd: Crowd) -> Iterable[Command]:
    yield SetLimits(limits=msgspec.structs.replace(LIMITS, **GROWN))


def mistake(crowd: Crowd) -> Iterable[Command]:
    """Something that the rules reject, or that another account's rules refuse."""
    one = crowd.someone()
    yield crowd.draw.choice((*_mistakes(crowd, one), *_mistakes_with_posts(crowd, one)))


def all_mistakes(crowd: Crowd) -> Iterable[Command]:
    one = crowd.someone()
    yield from _mistakes(crowd, one)
    yield from _mistakes_with_posts(crowd, one)


def _mistakes(crowd: Crowd, one: str) -> list[Command]:
    reply, text = PostKind.REPLY, crowd.sentence(one)
    return [
        RegisterAccount(author=one),
        RegisterAccount(author="No Name"),
        ChangeProfile(author=one, bio="x" * 201),
        Follow(author=one, follower=one),
        Follow(author=one, follower="ghost"),
        Follow(author="ghost", follower=one),
        Unfollow(author=one, follower="ghost"),
        ApproveFollow(author=one, follower="ghost"),
        Block(author=one, blocked=one),
        Block(author=one, blocked="ghost"),
        Mute(author=one, muted=one),
        LikePost(author=one, post_id=7, by=crowd.someone()),
        WritePost(author=one),
        WritePost(author=one, text="x" * 281),
        WritePost(author=one, text="ding\x07"),
        WritePost(author=one, text="#a #b #c #d #e #f"),
        WritePost(author=one, text="@a @b @c @d @e @f"),
        WritePost(author=one, media=("photo",) * 5),
        WritePost(author=one, kind=reply, text="To whom?"),
        WritePost(author=one, kind=reply, text=text, parent_author="ghost", parent_id=1),
        WritePost(author=one, kind=PostKind.REPOST, text="x", parent_author=one, parent_id=1),
        SetLimits(limits=Limits(pull_at_followers=1, push_below_followers=2)),
    ]


def _mistakes_with_posts(crowd: Crowd, one: str) -> Iterable[Command]:
    text = crowd.sentence(one)
    for author, post_id in list(crowd.gone)[-1:]:
        yield WritePost(
            author=one,
            kind=PostKind.QUOTE,
            text=text,
            parent_author=author,
            parent_id=post_id,
        )
    for author, post_id in list(crowd.recent)[:1]:
        yield EditPost(author=author, post_id=post_id, text=text)
    for author, post_id in list(crowd.reposts)[-1:]:
        yield LikePost(author=author, post_id=post_id, by=one)
        yield EditPost(author=author, post_id=post_id, text=text)


ACTS: Final[dict[Act, int]] = {
    join: 30,
    visit: 120,
    post: 160,
    rant: 2,
    answer(PostKind.REPLY): 100,
    answer(PostKind.REPOST): 60,
    answer(PostKind.QUOTE): 30,
    like: 200,
    unlike: 20,
    edit: 15,
    delete: 20,
    delete_at_once: 8,
    follow: 110,
    fame: 4,
    spree: 2,
    unfollow: 20,
    quarrel: 6,
    answer_request: 40,
    block: 8,
    unblock: 4,
    mute: 10,
    change_account: 12,
    repeat: 4,
    holiday: 4,
    mistake: 25,
}
"""How often each is done, by weights."""

OPENING: Final = (
    *(post, fame, post, fame, unfollow, holiday, answer_request, visit, post),
    *(act for act in ACTS if act not in (join, fame, spree, rant, mistake)),
    *(quarrel, quarrel, mute, change_account, answer(PostKind.REPLY), answer_request),
    *(delete, all_mistakes, spree, rant, grow),
)
"""What is done first, so that a short flow has everything."""
